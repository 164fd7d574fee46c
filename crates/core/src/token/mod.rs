//! Signed tokens (JWT): which keys are taken, which tokens are refused, and whose organization a good one names.
//!
//! A token is hostile until its signature is checked with a key that the administrator registered, under the
//! algorithm that was registered with it. What it says before that serves only to find the key. There is no
//! clock here: the caller says what time it is.

mod algorithm;
mod bad_key;
mod base64url;
mod claim_paths;
mod claims;
mod header;
mod json;
mod jwk;
mod jwks;
mod material;
mod path_text;
mod pem;
mod presented;
mod refused;
mod signature;
mod signing_key;
mod time;

#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub use bad_key::{BadClaims, BadKey};
pub use claim_paths::ClaimPaths;
pub use jwks::{Imported, Note, import_jwks};
pub use presented::{Presented, Verified};
pub use refused::{Part, Refused, Value};
pub use signing_key::{SigningKey, Trust};
pub use time::Time;

/// The longest token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 64 * 1024;
/// How deep objects and arrays of a header, of claims or of a key set may lie in each other.
pub const MAX_DEPTH: usize = 16;
/// The largest leeway of an issuer, in seconds.
pub const MAX_LEEWAY_SECONDS: i64 = 3600;
