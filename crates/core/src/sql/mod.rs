//! SQL text from typed parts: the only `Display` of each type is its quoted form, so that an
//! unquoted name or value can't reach a statement.

mod ident;
mod keyword;
mod literal;
mod qualified_name;

pub use ident::Ident;
pub use literal::Literal;
pub use qualified_name::QualifiedName;

/// Why a text can't be an identifier or a literal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// PostgreSQL has no zero-length identifiers.
    #[error("an identifier must not be empty")]
    Empty,
    /// The server would silently cut the name to 63 bytes, and the cut name could be another object's.
    #[error("an identifier must not be longer than 63 bytes")]
    TooLong,
    /// A NUL byte ends the text for the server.
    #[error("an identifier or literal must not contain a NUL byte")]
    Nul,
}

/// The longest identifier in bytes (`NAMEDATALEN - 1`).
pub const MAX_IDENT_BYTES: usize = 63;
