//! A text file as the rules see it.

use crate::Violation;

/// A file of the tree with its path from the root, written with `/`.
#[derive(Clone, Debug)]
pub struct TextFile {
    /// Path from the root of the workspace.
    pub path: String,
    /// The whole content.
    pub text: String,
}

impl TextFile {
    /// A violation of every line that `problem` has something to say about.
    pub(crate) fn check_lines(
        &self,
        remedy: &'static str,
        problem: impl Fn(&str) -> Option<String>,
    ) -> Vec<Violation> {
        (1..)
            .zip(self.text.lines())
            .filter_map(|(number, line)| {
                let place = format!("{}:{number}", self.path);
                Some(Violation::new(place, problem(line)?, remedy))
            })
            .collect()
    }
}
