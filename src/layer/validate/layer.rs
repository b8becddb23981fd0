use tower_layer::Layer;

use super::{Schemas, ValidateArguments};

/// Checks the arguments of calls against the tools' own schemas. See the [module](super).
#[derive(Clone, Debug)]
pub struct ValidateArgumentsLayer {
    schemas: Schemas,
}

impl ValidateArgumentsLayer {
    /// By these schemas; stacks that are given the same handle learn together.
    pub fn new(schemas: &Schemas) -> Self {
        Self { schemas: schemas.clone() }
    }
}

impl<S> Layer<S> for ValidateArgumentsLayer {
    type Service = ValidateArguments<S>;

    fn layer(&self, inner: S) -> ValidateArguments<S> {
        ValidateArguments { inner, schemas: self.schemas.clone() }
    }
}
