//! Metrics as text.

/// The values of all series called `name`.
///
/// # Panics
/// When one is no integer.
pub fn series(text: &str, name: &str) -> impl Iterator<Item = i64> {
    let values = text.lines().filter_map(move |line| {
        let rest = line.strip_prefix(name)?;
        let value = rest
            .strip_prefix(' ')
            .or_else(|| Some(rest.strip_prefix('{')?.split_once("} ")?.1))?;
        Some(value.parse().expect("the value is an integer"))
    });
    values.collect::<Vec<_>>().into_iter()
}
