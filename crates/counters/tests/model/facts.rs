//! What is known of a call besides its tool and arguments.

use super::{json::Tree, time};

#[derive(Clone, Debug)]
pub struct Facts {
    pub grant_label: String,
    pub member_email: Option<String>,
    pub member_role: Option<String>,
    pub client_name: Option<String>,
    pub client_version: Option<String>,
    pub client_ip: Option<String>,
    pub session_id: Option<String>,
    pub class: &'static str,
    pub at_us: i64,
}

impl Facts {
    pub fn get(&self, path: &str) -> Option<Tree> {
        let text = |text: &Option<String>| text.as_deref().map(Tree::text);
        match path {
            "grant.label" => Some(Tree::text(&self.grant_label)),
            "member.email" => text(&self.member_email),
            "member.role" => text(&self.member_role),
            "client.name" => text(&self.client_name),
            "client.version" => text(&self.client_version),
            "client.ip" => text(&self.client_ip),
            "session.id" => text(&self.session_id),
            "tool.class" => Some(Tree::text(self.class)),
            "time.hour" => Some(Tree::number(self.at_us.div_euclid(3_600_000_000).rem_euclid(24))),
            "time.weekday" => Some(Tree::text(time::weekday(self.at_us))),
            other => panic!("no such fact: {other}"),
        }
    }
}

/// Nobody known, at the beginning of 1970.
pub fn nothing() -> Facts {
    Facts {
        grant_label: String::new(),
        member_email: None,
        member_role: None,
        client_name: None,
        client_version: None,
        client_ip: None,
        session_id: None,
        class: "write",
        at_us: 0,
    }
}
