//! Public keys in PEM: SubjectPublicKeyInfo ("PUBLIC KEY") and PKCS #1 ("RSA PUBLIC KEY").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::io::der::{self, Tag};
use untrusted::{Input, Reader};

use super::BadKey;
use super::algorithm::Curve;
use super::jwk;
use super::material::Material;

const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const EC: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";
const P256: &[u8] = b"\x2a\x86\x48\xce\x3d\x03\x01\x07";
const P384: &[u8] = b"\x2b\x81\x04\x00\x22";
const ED25519: &[u8] = b"\x2b\x65\x70";

/// Reads the one block that the text is.
pub(super) fn material(text: &str) -> Result<Material, BadKey> {
    // Also where it stands beside a public one.
    if text.contains("PRIVATE KEY-----") {
        return Err(BadKey::PrivatePem);
    }
    let (label, rest) =
        text.strip_prefix("-----BEGIN ").and_then(|rest| rest.split_once("-----")).ok_or(BadKey::Pem)?;
    let body = rest.strip_suffix("-----").and_then(|rest| rest.strip_suffix(label)).ok_or(BadKey::Pem)?;
    let body = body.strip_suffix("-----END ").ok_or(BadKey::Pem)?;
    let packed: String = body.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(packed).map_err(|_| BadKey::Pem)?;
    match label {
        "PUBLIC KEY" => whole(&bytes, public_key),
        "RSA PUBLIC KEY" => whole(&bytes, rsa),
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => Err(BadKey::Certificate),
        _ => Err(BadKey::Pem),
    }
}

/// Whether bytes that shall be a secret are a public key, in PEM or without.
pub(super) fn is_public_key(bytes: &[u8]) -> bool {
    bytes.starts_with(b"-----BEGIN") || whole(bytes, public_key).is_ok() || whole(bytes, rsa).is_ok()
}

fn whole(
    bytes: &[u8],
    read: impl FnOnce(&mut Reader<'_>) -> Result<Material, BadKey>,
) -> Result<Material, BadKey> {
    Input::from(bytes).read_all(BadKey::Pem, read)
}

fn public_key(reader: &mut Reader<'_>) -> Result<Material, BadKey> {
    der::nested(reader, Tag::Sequence, BadKey::Pem, |info| {
        let (kind, parameters) = der::nested(info, Tag::Sequence, BadKey::Pem, |algorithm| {
            let kind = value(algorithm, Tag::OID)?;
            Ok((kind, algorithm.read_bytes_to_end()))
        })?;
        let key = der::bit_string_with_no_unused_bits(info).map_err(|_| BadKey::Pem)?;
        let parameters = parameters.as_slice_less_safe();
        match kind {
            RSA if parameters == [Tag::Null as u8, 0] => key.read_all(BadKey::Pem, rsa),
            EC => point(curve(parameters)?, key.as_slice_less_safe()),
            ED25519 if parameters.is_empty() && key.len() == 32 => {
                Ok(Material::Ed25519(key.as_slice_less_safe().to_vec()))
            }
            RSA | ED25519 => Err(BadKey::Pem),
            _ => Err(BadKey::WrongKind),
        }
    })
}

fn rsa(reader: &mut Reader<'_>) -> Result<Material, BadKey> {
    der::nested(reader, Tag::Sequence, BadKey::Pem, |numbers| {
        let (n, e) = (positive(numbers)?, positive(numbers)?);
        Ok(Material::Rsa { n, e })
    })
}

fn curve(parameters: &[u8]) -> Result<Curve, BadKey> {
    let name = Input::from(parameters).read_all(BadKey::Pem, |reader| value(reader, Tag::OID))?;
    match name {
        P256 => Ok(Curve::P256),
        P384 => Ok(Curve::P384),
        _ => Err(BadKey::WrongCurve),
    }
}

fn point(curve: Curve, bytes: &[u8]) -> Result<Material, BadKey> {
    if bytes.first() != Some(&4) || bytes.len() != 1 + 2 * curve.bytes() {
        return Err(BadKey::NotOnCurve);
    }
    Ok(Material::Point { curve, bytes: bytes.to_vec() })
}

fn positive(reader: &mut Reader<'_>) -> Result<Vec<u8>, BadKey> {
    let number = value(reader, Tag::Integer)?;
    if number.first().is_none_or(|first| *first >= 0x80) {
        return Err(BadKey::RsaNumbers);
    }
    Ok(jwk::number(number.to_vec()))
}

fn value<'i>(reader: &mut Reader<'i>, tag: Tag) -> Result<&'i [u8], BadKey> {
    let value = der::expect_tag_and_get_value(reader, tag).map_err(|_| BadKey::Pem)?;
    Ok(value.as_slice_less_safe())
}
