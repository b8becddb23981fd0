//! Which messages an interceptor is shown.

use std::collections::BTreeSet;

use crate::message::{Direction, Kind};

/// Which messages an [`Interceptor`](super::Interceptor) is shown: every other passes it at the cost of a look at the
/// envelope.
///
/// ```
/// use shadowcat::{Direction, Kind, layer::intercept::Interest};
///
/// let calls = Interest::everything().direction(Direction::ToUpstream).kind(Kind::Request).method("tools/call");
/// assert!(calls.takes(Direction::ToUpstream, Kind::Request, Some("tools/call")));
/// assert!(!calls.takes(Direction::ToClient, Kind::Response, Some("tools/call")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interest {
    direction: Option<Direction>,
    kind: Option<Kind>,
    /// None are named: any.
    methods: BTreeSet<Box<str>>,
}

impl Interest {
    /// Every message in both directions.
    pub fn everything() -> Self {
        Self { direction: None, kind: None, methods: BTreeSet::new() }
    }

    /// The client's requests.
    pub fn requests() -> Self {
        Self::everything().direction(Direction::ToUpstream).kind(Kind::Request)
    }

    /// The server's responses.
    pub fn responses() -> Self {
        Self::everything().direction(Direction::ToClient).kind(Kind::Response)
    }

    /// Only what goes this way.
    pub fn direction(mut self, direction: Direction) -> Self {
        self.direction = Some(direction);
        self
    }

    /// Only messages of this kind.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Only messages of this method, or of one of several where it is said more than once. A response has the
    /// method of its request.
    pub fn method(mut self, method: &str) -> Self {
        self.methods.insert(method.into());
        self
    }

    /// The directions and kinds that it may take, as bits; see [`bit`].
    pub(super) fn bits(&self) -> u8 {
        let directions = [Direction::ToUpstream, Direction::ToClient];
        let kinds = [Kind::Request, Kind::Notification, Kind::Response];
        let all = directions.into_iter().flat_map(|direction| kinds.map(|kind| (direction, kind)));
        let takes = |(direction, kind): &(Direction, Kind)| {
            self.direction.is_none_or(|only| only == *direction) && self.kind.is_none_or(|only| only == *kind)
        };
        all.filter(takes).fold(0, |bits, (direction, kind)| bits | bit(direction, kind))
    }

    /// The methods that it names.
    pub(super) fn methods(&self) -> &BTreeSet<Box<str>> {
        &self.methods
    }

    /// Whether it names this method.
    pub(in crate::layer) fn names(&self, method: &str) -> bool {
        self.methods.contains(method)
    }

    /// Whether such a message is shown. A response whose request is not known has no method, and is shown only
    /// where any method is.
    pub fn takes(&self, direction: Direction, kind: Kind, method: Option<&str>) -> bool {
        self.direction.is_none_or(|only| only == direction)
            && self.kind.is_none_or(|only| only == kind)
            && (self.methods.is_empty() || method.is_some_and(|method| self.methods.contains(method)))
    }
}

/// One for each direction and kind.
pub(super) fn bit(direction: Direction, kind: Kind) -> u8 {
    let kind = match kind {
        Kind::Request => 1,
        Kind::Notification => 2,
        Kind::Response => 4,
    };
    match direction {
        Direction::ToUpstream => kind,
        Direction::ToClient => kind << 3,
    }
}

impl Default for Interest {
    fn default() -> Self {
        Self::everything()
    }
}
