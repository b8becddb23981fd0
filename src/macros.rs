//! Small things that every middleware has.

/// Access to the service inside a middleware.
macro_rules! inner_accessors {
    () => {
        /// The service inside.
        pub fn get_ref(&self) -> &S {
            &self.inner
        }

        /// The service inside, to change.
        pub fn get_mut(&mut self) -> &mut S {
            &mut self.inner
        }

        /// Gives the service inside back.
        pub fn into_inner(self) -> S {
            self.inner
        }
    };
}

/// Counters, one for each of the named fields of a `Stats`, and how they are read.
macro_rules! counters {
    ($($name:ident)*) => {
        #[derive(Debug, Default)]
        pub(super) struct Counts { $(pub(super) $name: std::sync::atomic::AtomicU64),* }

        impl Counts {
            /// What is counted elsewhere is 0.
            #[allow(clippy::needless_update, reason = "some count everything here")]
            pub(super) fn read(&self) -> Stats {
                let now = |count: &std::sync::atomic::AtomicU64| count.load(std::sync::atomic::Ordering::Relaxed);
                Stats { $($name: now(&self.$name),)* ..Stats::default() }
            }
        }
    };
}

pub(crate) use counters;
pub(crate) use inner_accessors;
