use super::PermissionKind;

/// The tools with which Wassette itself is managed. Every other tool is a function of a loaded component. So is one of
/// these names where the Wassette is of a version that has no such tool and a component has: see
/// [`is_in_every_version`](Self::is_in_every_version).
///
/// ```
/// use shadowcat::wassette::ManagementTool;
///
/// let tool = ManagementTool::from_name("grant-storage-permission").unwrap();
/// assert!(tool.is_mutating());
/// assert_eq!(tool.component_argument(), Some("component_id"));
/// assert_eq!(ManagementTool::from_name("read-file"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ManagementTool {
    /// Loads a component from the URI `path`; builds after 0.8 also take `package` and `version` for it.
    LoadComponent,
    /// Unloads one and deletes its files.
    UnloadComponent,
    /// Names the components and their tools.
    ListComponents,
    /// Names components that could be loaded (0.3 on).
    SearchComponents,
    /// Tells where a component's policy is.
    GetPolicy,
    /// Lets a component read or write files.
    GrantStorage,
    /// Lets a component reach a host.
    GrantNetwork,
    /// Lets a component see an environment variable.
    GrantEnvironment,
    /// Sets the most memory that a component may use (later than 0.3).
    GrantMemory,
    /// Takes the files back (0.3 on).
    RevokeStorage,
    /// Takes the host back (0.3 on).
    RevokeNetwork,
    /// Takes the variable back (0.3 on).
    RevokeEnvironment,
    /// Takes everything back (0.3 on).
    ResetPermission,
}

impl ManagementTool {
    /// Every one of them.
    pub const ALL: [Self; 13] = [
        Self::LoadComponent,
        Self::UnloadComponent,
        Self::ListComponents,
        Self::SearchComponents,
        Self::GetPolicy,
        Self::GrantStorage,
        Self::GrantNetwork,
        Self::GrantEnvironment,
        Self::GrantMemory,
        Self::RevokeStorage,
        Self::RevokeNetwork,
        Self::RevokeEnvironment,
        Self::ResetPermission,
    ];

    /// The tool of this exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// Its name in `tools/list` and `tools/call`.
    pub fn name(self) -> &'static str {
        match self {
            Self::LoadComponent => "load-component",
            Self::UnloadComponent => "unload-component",
            Self::ListComponents => "list-components",
            Self::SearchComponents => "search-components",
            Self::GetPolicy => "get-policy",
            Self::GrantStorage => "grant-storage-permission",
            Self::GrantNetwork => "grant-network-permission",
            Self::GrantEnvironment => "grant-environment-variable-permission",
            Self::GrantMemory => "grant-memory-permission",
            Self::RevokeStorage => "revoke-storage-permission",
            Self::RevokeNetwork => "revoke-network-permission",
            Self::RevokeEnvironment => "revoke-environment-variable-permission",
            Self::ResetPermission => "reset-permission",
        }
    }

    /// What a grant or a revocation is of.
    pub fn permission(self) -> Option<PermissionKind> {
        match self {
            Self::GrantStorage | Self::RevokeStorage => Some(PermissionKind::Storage),
            Self::GrantNetwork | Self::RevokeNetwork => Some(PermissionKind::Network),
            Self::GrantEnvironment | Self::RevokeEnvironment => Some(PermissionKind::Environment),
            Self::GrantMemory => Some(PermissionKind::Memory),
            _ => None,
        }
    }

    /// Every version has it, so a component whose function has this name is never called by it.
    ///
    /// ```
    /// use shadowcat::wassette::ManagementTool;
    ///
    /// assert!(ManagementTool::ListComponents.is_in_every_version());
    /// assert!(!ManagementTool::SearchComponents.is_in_every_version());
    /// ```
    pub fn is_in_every_version(self) -> bool {
        matches!(
            self,
            Self::LoadComponent
                | Self::UnloadComponent
                | Self::ListComponents
                | Self::GetPolicy
                | Self::GrantStorage
                | Self::GrantNetwork
                | Self::GrantEnvironment
        )
    }

    /// It changes what runs or what that may do. A proxy that is not the operator's own denies these by default.
    pub fn is_mutating(self) -> bool {
        !matches!(self, Self::ListComponents | Self::SearchComponents | Self::GetPolicy)
    }

    /// The argument that holds the id of the component; `load-component` is given a URI instead.
    pub fn component_argument(self) -> Option<&'static str> {
        match self {
            Self::LoadComponent | Self::ListComponents | Self::SearchComponents => None,
            Self::UnloadComponent => Some("id"),
            _ => Some("component_id"),
        }
    }
}
