//! base64url without padding, of which each value has exactly one spelling.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Decodes; none where there is padding, another alphabet, a blank, or bits that say nothing and aren't zero.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Encodes.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_one_spelling() {
        assert_eq!(decode("-_8"), Some(vec![0xfb, 0xff]));
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
        for other in ["-_8=", "-_9", "-_-", "+/8", " -_8", "-_8\n", "-_\n8", "A", "-_8A\u{e9}"] {
            assert_eq!(decode(other), None, "{other:?}");
        }
    }
}
