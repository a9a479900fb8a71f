//! As much DER as is needed to find two things in a certificate: its end, and its names.
//!
//! The chain and the signature are judged by the stock verifier; this only reads. Whatever it does
//! not understand is [`Malformed`], never skipped.

/// The certificate is not built as certificates are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What was read from a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts<'a> {
    /// The URI names, as bytes, in order.
    pub uris: Vec<&'a [u8]>,
    /// The end of its validity, milliseconds since the Unix epoch.
    pub not_after_ms: i64,
}

const INTEGER: u8 = 0x02;
const BOOLEAN: u8 = 0x01;
const OCTET_STRING: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed: the version.
const VERSION: u8 = 0xa0;
/// `[3]`, constructed: the extensions.
const EXTENSIONS: u8 = 0xa3;
/// `[6]`, primitive: a URI among the alternative names.
const URI_NAME: u8 = 0x86;

/// 2.5.29.17, subjectAltName.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// Reads a certificate's end and URI names.
pub(crate) fn read(certificate: &[u8]) -> Result<Facts<'_>, Malformed> {
    let mut whole = Reader(certificate);
    let mut signed = Reader(whole.take(SEQUENCE)?);
    whole.end()?;
    let mut body = Reader(signed.take(SEQUENCE)?);
    if body.peek() == Some(VERSION) {
        body.take(VERSION)?;
    }
    body.take(INTEGER)?; // serial number
    body.take(SEQUENCE)?; // algorithm
    body.take(SEQUENCE)?; // issuer
    let mut validity = Reader(body.take(SEQUENCE)?);
    validity.moment_ms()?;
    let not_after_ms = validity.moment_ms()?;
    validity.end()?;
    body.take(SEQUENCE)?; // subject
    body.take(SEQUENCE)?; // public key
    let mut uris = Vec::new();
    while let Some(tag) = body.peek() {
        let content = body.take(tag)?;
        if tag == EXTENSIONS {
            uris = alternative_uris(content)?;
        }
    }
    Ok(Facts { uris, not_after_ms })
}

/// The URIs of the alternative names; a certificate with two such extensions is malformed.
fn alternative_uris(extensions: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    let mut wrapper = Reader(extensions);
    let mut list = Reader(wrapper.take(SEQUENCE)?);
    wrapper.end()?;
    let mut found = None;
    while list.peek().is_some() {
        let mut extension = Reader(list.take(SEQUENCE)?);
        let id = extension.take(OBJECT_ID)?;
        if extension.peek() == Some(BOOLEAN) {
            extension.take(BOOLEAN)?;
        }
        let content = extension.take(OCTET_STRING)?;
        extension.end()?;
        if id == SUBJECT_ALT_NAME && found.replace(uris_of(content)?).is_some() {
            return Err(Malformed);
        }
    }
    Ok(found.unwrap_or_default())
}

fn uris_of(content: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    let mut wrapper = Reader(content);
    let mut names = Reader(wrapper.take(SEQUENCE)?);
    wrapper.end()?;
    let mut uris = Vec::new();
    while let Some(tag) = names.peek() {
        let name = names.take(tag)?;
        if tag == URI_NAME {
            uris.push(name);
        }
    }
    Ok(uris)
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    /// The content of the next element, which must have this tag.
    fn take(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        let [found, first, rest @ ..] = self.0 else {
            return Err(Malformed);
        };
        if *found != tag {
            return Err(Malformed);
        }
        let (length, rest) = match *first {
            short @ 0..=0x7f => (usize::from(short), rest),
            0x81..=0x83 => long_length(usize::from(*first & 0x7f), rest)?,
            _ => return Err(Malformed),
        };
        let (content, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(content)
    }

    fn moment_ms(&mut self) -> Result<i64, Malformed> {
        match self.peek() {
            Some(UTC_TIME) => {
                let text = self.take(UTC_TIME)?;
                let (year, rest) = text.split_at_checked(2).ok_or(Malformed)?;
                let year = number(year)?;
                moment_ms(if year < 50 { 2000 + year } else { 1900 + year }, rest)
            }
            Some(GENERALIZED_TIME) => {
                let text = self.take(GENERALIZED_TIME)?;
                let (year, rest) = text.split_at_checked(4).ok_or(Malformed)?;
                moment_ms(number(year)?, rest)
            }
            Some(_) | None => Err(Malformed),
        }
    }
}

fn long_length(bytes: usize, rest: &[u8]) -> Result<(usize, &[u8]), Malformed> {
    let (digits, rest) = rest.split_at_checked(bytes).ok_or(Malformed)?;
    let length = digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit));
    Ok((length, rest))
}

/// `MMDDhhmmssZ` of a year.
fn moment_ms(year: i64, rest: &[u8]) -> Result<i64, Malformed> {
    let (digits, b"Z") = rest.split_at_checked(10).ok_or(Malformed)? else {
        return Err(Malformed);
    };
    let field = |at: usize| number(&digits[at..at + 2]);
    let (month, day) = (field(0)?, field(2)?);
    let (hours, minutes, seconds) = (field(4)?, field(6)?, field(8)?);
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hours < 24
        && minutes < 60
        && seconds < 60;
    if !in_range {
        return Err(Malformed);
    }
    let days = days_since_1970(year, month, day);
    Ok((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)
}

fn number(digits: &[u8]) -> Result<i64, Malformed> {
    digits.iter().try_fold(0, |sum, digit| match digit {
        b'0'..=b'9' => Ok(sum * 10 + i64::from(digit - b'0')),
        _ => Err(Malformed),
    })
}

/// Days of the Gregorian calendar; years begin in March, so that the leap day is the last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::{Malformed, Reader, days_since_1970, read};

    #[test]
    fn moments_are_read_in_both_forms() {
        for (der, seconds) in [
            (&b"\x17\x0d700101000000Z"[..], 0),
            (b"\x17\x0d000229235959Z", 951_868_799),
            (b"\x17\x0d491231235959Z", 2_524_607_999),
            (b"\x18\x0f20500101000000Z", 2_524_608_000),
            (b"\x18\x0f21000301000000Z", 4_107_542_400),
        ] {
            assert_eq!(Reader(der).moment_ms(), Ok(seconds * 1000), "{der:?}");
        }
    }

    #[test]
    fn what_is_no_moment_is_malformed() {
        for der in [
            &b""[..],
            b"\x17\x0d701301000000Z",
            b"\x17\x0d700100000000Z",
            b"\x17\x0d70010100000aZ",
            b"\x17\x0d7001010000000",
            b"\x17\x0b7001010000Z",
            b"\x18\x0d700101000000Z",
            b"\x17\x7f70",
            b"\x17\x80",
        ] {
            assert_eq!(Reader(der).moment_ms(), Err(Malformed), "{der:?}");
        }
    }

    #[test]
    fn days_are_counted_through_leap_years() {
        assert_eq!(days_since_1970(1969, 12, 31), -1);
        assert_eq!(days_since_1970(2000, 3, 1), 11_017);
        assert_eq!(days_since_1970(2026, 11, 20), 20_777);
    }

    #[test]
    fn a_certificate_that_is_cut_anywhere_is_malformed() {
        let leaf = certs_dev::Leaf::host("demo", "web-1");
        let authority = certs_dev::Authority::new("demo", leaf.validity).unwrap();
        let pem = authority.issue(&leaf).unwrap().certificate;
        let der = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(
            pem.as_bytes(),
        )
        .unwrap();
        let facts = read(&der).unwrap();
        assert_eq!(facts.uris, [b"spiffe://demo/host/web-1"]);
        assert_eq!(facts.not_after_ms, leaf.validity.ends_s * 1000);
        for cut in 0..der.len() {
            assert_eq!(read(&der[..cut]), Err(Malformed), "{cut}");
        }
    }
}
