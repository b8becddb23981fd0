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

pub(crate) use inner_accessors;
