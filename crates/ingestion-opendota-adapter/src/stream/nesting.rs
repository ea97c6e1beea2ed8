//! Which containers are open while JSON is scanned, without recursion.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Array,
    Object,
}

/// The open containers, a bit each: 16 MiB of `[` take 2 MiB. The innermost
/// 64 need no allocation, which is more than honest feeds ever use.
#[derive(Default)]
pub(super) struct Nesting {
    depth: usize,
    innermost: u64,
    outer: Vec<u64>,
}

impl Nesting {
    pub(super) fn push(&mut self, container: Container) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.innermost);
        }
        self.innermost = self.innermost << 1 | u64::from(container == Container::Object);
        self.depth += 1;
    }

    pub(super) fn pop(&mut self) {
        self.depth -= 1;
        self.innermost >>= 1;
        if self.depth.is_multiple_of(64) {
            self.innermost = self.outer.pop().unwrap_or_default();
        }
    }

    pub(super) fn innermost(&self) -> Option<Container> {
        match (self.depth, self.innermost & 1) {
            (0, _) => None,
            (_, 0) => Some(Container::Array),
            (_, _) => Some(Container::Object),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nesting_is_remembered_at_any_depth(containers in prop::collection::vec(any::<bool>(), 0..300)) {
            let mut open = Nesting::default();
            let containers: Vec<_> =
                containers.iter().map(|object| if *object { Container::Object } else { Container::Array }).collect();
            for container in &containers {
                open.push(*container);
            }
            for container in containers.iter().rev() {
                prop_assert_eq!(open.innermost(), Some(*container));
                open.pop();
            }
            prop_assert_eq!(open.innermost(), None);
        }
    }
}
