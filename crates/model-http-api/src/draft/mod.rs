//! Drafts: what they are worth, and which hero to pick.

mod evaluation;
mod question;
mod suggestion;
mod terms;

pub(crate) use evaluation::evaluate;
pub(crate) use suggestion::suggest;
