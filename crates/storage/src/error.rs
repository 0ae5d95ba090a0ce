//! Errors of the database, with broken constraints told apart by name.

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a database URL. The text is not repeated: it may hold a password.
    #[error("DATABASE_URL is not a database URL: it should look like postgres://user:password@host:5432/database")]
    Url,
    /// No connection.
    #[error("cannot connect to the database ({0}): see that the server runs, and that DATABASE_URL names it rightly")]
    Connect(#[source] sqlx::Error),
    /// The role could see every tenant's rows.
    #[error(
        "the database role `{0}` is a superuser or may bypass row-level security, so accounts would not be walled off from \
         each other: connect as an ordinary role; deploy/postgres/roles.sql makes one"
    )]
    UnsafeRole(String),
    /// A migration failed, or the database is of a newer version of the product.
    #[error("bringing the database up to date failed: {0}")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A rule of the tables that a person can do something about.
    #[error("the database refused the change: {0:?}")]
    Constraint(Constraint),
    /// Everything else: no connection, a time-out, a row that does not read.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        let name = error.as_database_error().and_then(|e| e.constraint());
        match name.and_then(Constraint::by_name) {
            Some(constraint) => Self::Constraint(constraint),
            None => Self::Database(error),
        }
    }
}

impl StorageError {
    /// Whether the values themselves are what the database refused (SQLSTATE classes 22 and 23), so that trying again with
    /// the same ones is no use.
    #[must_use]
    pub fn is_about_values(&self) -> bool {
        match self {
            Self::Constraint(_) => true,
            Self::Database(error) => {
                let code = error.as_database_error().and_then(|e| e.code());
                let unreadable = matches!(error, sqlx::Error::Encode(_));
                unreadable || code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
            }
        }
    }

    /// The broken constraint, if that is what it is.
    #[must_use]
    pub fn constraint(&self) -> Option<Constraint> {
        match self {
            Self::Constraint(constraint) => Some(*constraint),
            Self::Database(_) => None,
        }
    }
}

macro_rules! constraints {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// A rule of the tables that a person can do something about. A test checks that each name is in the schema.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Constraint {
            $($(#[$doc])* $variant,)*
        }

        impl Constraint {
            /// All of them, with their names in the schema.
            pub const ALL: &[(Self, &str)] = &[$((Self::$variant, $name)),*];

            fn by_name(name: &str) -> Option<Self> {
                Self::ALL.iter().find(|(_, known)| *known == name).map(|(constraint, _)| *constraint)
            }
        }
    };
}

constraints! {
    /// Another account has the slug.
    AccountSlugTaken = "account_slug_key";
    /// Another person has the e-mail address.
    EmailTaken = "app_user_email_key";
    /// Another team of the account has the slug.
    TeamSlugTaken = "team_slug_key";
    /// Another agent of the account has the name.
    AgentNameTaken = "agent_name_key";
    /// Already in the team.
    TeamMemberThere = "team_member_pkey";
    /// No such team in the account.
    TeamMemberNoTeam = "team_member_team_fkey";
    /// No such member in the account.
    TeamMemberNoMember = "team_member_membership_fkey";
    /// No such agent in the account.
    KeyNoAgent = "key_agent_fkey";
    /// No such member in the account.
    KeyNoMember = "key_membership_fkey";
    /// No such team in the account.
    InviteNoTeam = "invite_team_fkey";
    /// Another server of the account has the slug.
    ServerSlugTaken = "server_slug_key";
    /// The same header twice.
    ServerHeaderTwice = "server_header_pkey";
    /// Another policy of the server has the name.
    PolicyNameTaken = "policy_name_key";
    /// The subject has a grant on the server already.
    GrantThere = "access_grant_subject_key";
    /// No such server in the account.
    GrantNoServer = "access_grant_server_fkey";
    /// No such policy of the server.
    GrantNoPolicy = "access_grant_policy_fkey";
    /// No such team in the account.
    GrantNoTeam = "access_grant_team_fkey";
    /// No such member in the account.
    GrantNoMember = "access_grant_membership_fkey";
    /// No such agent in the account.
    GrantNoAgent = "access_grant_agent_fkey";
}
