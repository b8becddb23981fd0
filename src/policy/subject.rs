//! What may be or may not be.

use std::borrow::Cow;
use std::fmt;

/// What a policy is asked about: one tool, prompt, resource or method.
///
/// ```
/// use shadowcat::policy::{Owner, Subject, SubjectKind};
///
/// let fetch = Subject::tool("fetch").owner(Owner::Component("net".into()));
/// assert_eq!((fetch.kind(), fetch.name()), (SubjectKind::Tool, "fetch"));
/// assert_eq!(fetch.to_string(), "the tool \"fetch\"");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    kind: SubjectKind,
    name: Cow<'a, str>,
    owner: Owner<'a>,
}

/// What kind of thing a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubjectKind {
    /// A tool, by its name.
    Tool,
    /// A prompt, by its name.
    Prompt,
    /// A resource, by its URI.
    Resource,
    /// All the resources that a template (RFC 6570) stands for.
    Template,
    /// A method, of either side.
    Method,
}

/// The Wassette component that a tool is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "known, known to be none, or not known")]
pub enum Owner<'a> {
    /// None: the server is no Wassette, or the tool is Wassette's own.
    #[default]
    Nobody,
    /// This one.
    Component(Cow<'a, str>),
    /// That cannot be told now. Whatever a rule denies to some component it then denies, and what a rule allows to
    /// some it does not allow.
    Unknown,
}

impl<'a> Subject<'a> {
    fn new(kind: SubjectKind, name: impl Into<Cow<'a, str>>) -> Self {
        Self { kind, name: name.into(), owner: Owner::Nobody }
    }

    /// A tool.
    pub fn tool(name: impl Into<Cow<'a, str>>) -> Self {
        Self::new(SubjectKind::Tool, name)
    }

    /// A prompt.
    pub fn prompt(name: impl Into<Cow<'a, str>>) -> Self {
        Self::new(SubjectKind::Prompt, name)
    }

    /// A resource.
    pub fn resource(uri: impl Into<Cow<'a, str>>) -> Self {
        Self::new(SubjectKind::Resource, uri)
    }

    /// The resources of a template, `file:///{path}`; a resource, where nothing in it is left open.
    pub fn template(uri: impl Into<Cow<'a, str>>) -> Self {
        let uri = uri.into();
        let kind = if uri.contains('{') { SubjectKind::Template } else { SubjectKind::Resource };
        Self::new(kind, uri)
    }

    /// A method.
    pub fn method(name: impl Into<Cow<'a, str>>) -> Self {
        Self::new(SubjectKind::Method, name)
    }

    /// Says whose tool it is.
    pub fn owner(mut self, owner: Owner<'a>) -> Self {
        self.owner = owner;
        self
    }

    /// What it is.
    pub fn kind(&self) -> SubjectKind {
        self.kind
    }

    /// What it is called, its URI, or its template.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn owned_by(&self) -> &Owner<'a> {
        &self.owner
    }
}

impl fmt::Display for SubjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
            Self::Template => "resource template",
            Self::Method => "method",
        })
    }
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} {:?}", self.kind, self.name)
    }
}
