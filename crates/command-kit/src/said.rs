//! What a command says, line by line. Whoever reads may have gone: then nobody
//! is told, and the command does what it was to do. `println!` would panic.

use std::{
    fmt::Display,
    io::{Write as _, stderr, stdout},
};

/// Says a line of the result, on standard output.
pub fn say(text: impl Display) {
    let _ = writeln!(stdout(), "{text}");
}

/// Says a line about what is in the way, on standard error.
pub fn complain(text: impl Display) {
    let _ = writeln!(stderr(), "{text}");
}
