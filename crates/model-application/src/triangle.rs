//! Something for each pair of heroes.

/// One value for each pair `i < j` of `len` heroes, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triangle<T> {
    len: usize,
    values: Vec<T>,
}

impl<T> Triangle<T> {
    /// Computes the value of each pair, in order.
    pub fn from_fn(len: usize, mut value: impl FnMut(usize, usize) -> T) -> Self {
        let values = pairs(len).map(|(i, j)| value(i, j)).collect();
        Self { len, values }
    }

    /// Takes the values as they stand, row by row.
    ///
    /// # Panics
    /// When there are not as many as pairs.
    #[must_use]
    pub fn from_values(len: usize, values: Vec<T>) -> Self {
        assert_eq!(
            values.len(),
            len * len.saturating_sub(1) / 2,
            "each pair has a value"
        );
        Self { len, values }
    }

    /// Another value for each pair.
    #[must_use]
    pub fn map<U>(&self, value: impl FnMut(&T) -> U) -> Triangle<U> {
        Triangle {
            len: self.len,
            values: self.values.iter().map(value).collect(),
        }
    }

    /// How many heroes there are.
    #[must_use]
    pub fn heroes(&self) -> usize {
        self.len
    }

    /// The values, row by row.
    #[must_use]
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The values, row by row, without the rest.
    #[must_use]
    pub fn into_values(self) -> Vec<T> {
        self.values
    }

    /// The value of the pair of two different heroes, whichever comes first.
    ///
    /// # Panics
    /// For a hero with itself, or one beyond the list.
    #[must_use]
    pub fn get(&self, one: usize, other: usize) -> &T {
        &self.values[self.place(one, other)]
    }

    pub(crate) fn get_mut(&mut self, one: usize, other: usize) -> &mut T {
        let place = self.place(one, other);
        &mut self.values[place]
    }

    /// Each pair with its value, in order.
    pub fn iter(&self) -> impl Iterator<Item = ((usize, usize), &T)> {
        pairs(self.len).zip(&self.values)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = ((usize, usize), &mut T)> {
        pairs(self.len).zip(&mut self.values)
    }

    fn place(&self, one: usize, other: usize) -> usize {
        let (i, j) = (one.min(other), one.max(other));
        assert!(
            i < j && j < self.len,
            "a pair is of two different heroes of the list"
        );
        // The rows before have len − 1, len − 2, … values.
        i * (2 * self.len - i - 1) / 2 + (j - i - 1)
    }
}

fn pairs(len: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..len).flat_map(move |i| (i + 1..len).map(move |j| (i, j)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_found_where_it_was_put() {
        for len in 0..9 {
            let triangle = Triangle::from_fn(len, |i, j| (i, j));
            assert_eq!(triangle.values().len(), len * len.saturating_sub(1) / 2);
            for (pair, value) in triangle.iter() {
                assert_eq!(pair, *value);
                assert_eq!(triangle.get(pair.0, pair.1), value);
                assert_eq!(triangle.get(pair.1, pair.0), value);
            }
        }
    }
}
