//! Hosts.

use proto::v1;
use serde_json::{Value, json};

use super::{length, liveness, rfc3339, table as lines};

/// A certificate that ends sooner is marked.
const SOON_MS: i64 = 7 * 24 * 3_600_000;

/// One line per host.
pub fn table(hosts: &[v1::Host], now_ms: i64) -> String {
    let header =
        ["HOST", "STATE", "CONTACT", "CERTIFICATE", "RUNNING", "AGENT", "ADDRESS", "LABELS"];
    lines(&header, hosts.iter().map(|host| row(host, now_ms)))
}

fn row(host: &v1::Host, now_ms: i64) -> Vec<String> {
    let mut labels: Vec<_> =
        host.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    labels.sort();
    vec![
        host.name.clone(),
        liveness(host.liveness).to_owned(),
        match host.last_contact_ms {
            0 => "never".to_owned(),
            at => format!("{} ago", length(now_ms - at)),
        },
        certificate(host.certificate_ends_ms, now_ms),
        format!("{}/{}", host.running, host.processes),
        host.agent_version.clone(),
        host.address.clone(),
        labels.join(","),
    ]
}

fn certificate(ends_ms: i64, now_ms: i64) -> String {
    match ends_ms - now_ms {
        _ if ends_ms == 0 => "unknown".to_owned(),
        ..=0 => "EXPIRED".to_owned(),
        left @ 1..SOON_MS => format!("{} left, RENEW", length(left)),
        left => format!("{} left", length(left)),
    }
}

/// One host for programs.
pub fn json(host: &v1::Host) -> Value {
    json!({
        "host": host.name,
        "state": liveness(host.liveness),
        "labels": host.labels,
        "agent_version": host.agent_version,
        "last_contact": rfc3339(host.last_contact_ms),
        "certificate_ends": rfc3339(host.certificate_ends_ms),
        "address": host.address,
        "processes": host.processes,
        "running": host.running,
        "instance_id": host.instance_id,
    })
}

#[cfg(test)]
mod tests {
    use proto::v1;

    #[test]
    fn a_host_shows_when_it_was_heard_and_when_its_certificate_ends() {
        const DAY: i64 = 86_400_000;
        let now = 1_000 * DAY;
        let host = |name: &str, liveness: v1::HostLiveness, contact, ends| v1::Host {
            name: name.into(),
            liveness: liveness.into(),
            labels: [("zone".to_owned(), "a".to_owned()), ("role".to_owned(), "web".to_owned())]
                .into(),
            agent_version: "0.1.0".into(),
            last_contact_ms: contact,
            certificate_ends_ms: ends,
            address: "10.0.0.1:5".into(),
            processes: 3,
            running: 2,
            ..v1::Host::default()
        };
        let hosts = [
            host("web-1", v1::HostLiveness::Up, now - 2000, now + 30 * DAY),
            host("web-2", v1::HostLiveness::Silent, now - 100_000, now + DAY),
            host("db-1", v1::HostLiveness::Down, 0, now - 1),
        ];
        insta::assert_snapshot!(super::table(&hosts, now), @r"
        HOST   STATE   CONTACT    CERTIFICATE        RUNNING  AGENT  ADDRESS     LABELS
        web-1  up      2s ago     30d00h left        2/3      0.1.0  10.0.0.1:5  role=web,zone=a
        web-2  silent  1m40s ago  1d00h left, RENEW  2/3      0.1.0  10.0.0.1:5  role=web,zone=a
        db-1   down    never      EXPIRED            2/3      0.1.0  10.0.0.1:5  role=web,zone=a
        ");
    }
}
