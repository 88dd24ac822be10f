//! How servers and frameworks read the path of a request, by their documentation, and spellings that bring it out.

/// A program behind a proxy.
pub struct Reader {
    /// What it is called.
    pub name: &'static str,
    /// Whether it looks for a handler without an extension, or with one.
    pub by_extension: bool,
    read: fn(&str) -> Vec<String>,
}

impl Reader {
    /// The paths under which it looks for a handler, in small letters where it makes no difference.
    #[must_use]
    pub fn read(&self, target: &str) -> Vec<String> {
        (self.read)(target)
    }

    /// Whether it finds a path at or below `prefix`.
    #[must_use]
    pub fn finds(&self, prefix: &str, target: &str) -> bool {
        self.read(target).iter().any(|path| {
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// All of them.
pub const READERS: [Reader; 12] = [
    // tomcat.apache.org/tomcat-10.1-doc/config/http.html: encodedSolidusHandling, allowBackslash.
    Reader { name: "Tomcat", by_extension: false, read: tomcat },
    // jetty.org: "Servlet URI path specs", ambiguous URIs that are allowed.
    Reader {
        name: "Jetty",
        by_extension: false,
        read: |target| vec![resolved(&decoded(&without_parameters(target)))],
    },
    // UrlPathHelper, AntPathMatcher.setTrimTokens.
    Reader { name: "Spring", by_extension: false, read: |target| vec![spring(target)] },
    // useSuffixPatternMatch, the default before 5.3.
    Reader {
        name: "Spring with suffix patterns",
        by_extension: true,
        read: |target| vec![without_extension(&spring(target))],
    },
    // expressjs.com: "case sensitive routing" and "strict routing" are off. It does not decode what it compares.
    Reader {
        name: "Express",
        by_extension: false,
        read: |target| vec![target.trim_end_matches('/').to_lowercase()],
    },
    // guides.rubyonrails.org: `(.:format)`.
    Reader {
        name: "Rails",
        by_extension: true,
        read: |target| vec![without_extension(&resolved(&decoded(target)))],
    },
    // learn.microsoft.com: allowDoubleEscaping, naming files, streams, best fit, cookieless sessions.
    Reader { name: "IIS", by_extension: false, read: |target| vec![iis(&decoded(target))] },
    Reader {
        name: "IIS with double escaping",
        by_extension: false,
        read: |target| vec![iis(&decoded(&decoded(target)))],
    },
    // nginx.org: ngx_http_core_module, location.
    Reader { name: "nginx", by_extension: false, read: |target| vec![resolved(&decoded(target))] },
    // httpd.apache.org: AllowEncodedSlashes, MergeSlashes, mod_rewrite (UnsafeAllow3F).
    Reader { name: "Apache", by_extension: false, read: apache },
    // mod_negotiation, MultiViews.
    Reader { name: "Apache with MultiViews", by_extension: true, read: multi_views },
    // Before 5.3.4 a path ended at its first NUL; urldecode() of what is decoded already.
    Reader { name: "PHP", by_extension: false, read: php },
];

fn tomcat(target: &str) -> Vec<String> {
    let path = decoded(&without_parameters(target));
    vec![resolved(&path), resolved(&path.replace('\\', "/"))]
}

fn spring(target: &str) -> String {
    let path = resolved(&decoded(&without_parameters(target)));
    let trimmed: Vec<_> = path.split('/').map(str::trim).collect();
    trimmed.join("/")
}

fn apache(target: &str) -> Vec<String> {
    let path = resolved(&decoded(target));
    let rewritten = path.split('?').next().unwrap_or_default().to_owned();
    vec![path, rewritten]
}

fn multi_views(target: &str) -> Vec<String> {
    apache(target).into_iter().map(|path| format!("{path}.php")).collect()
}

fn php(target: &str) -> Vec<String> {
    let path = decoded(target);
    let cut = path.split('\0').next().unwrap_or_default();
    vec![resolved(cut), resolved(&decoded(&path))]
}

/// Of a decoded path, as Windows opens it.
fn iis(path: &str) -> String {
    let path: String = path.chars().map(best_fit).collect::<String>().replace('\\', "/");
    let mut text = String::new();
    let mut rest = path.as_str();
    // `(S(x))`
    while let Some(start) = rest.find('(') {
        let is_session = rest[start..].chars().nth(2) == Some('(');
        let end = rest[start..].find("))").filter(|_| is_session);
        let (taken, left) = end.map_or((start + 1, start + 1), |end| (start, start + end + 2));
        text.push_str(&rest[..taken]);
        rest = &rest[left..];
    }
    text.push_str(rest);
    let names = text.split('/').map(|segment| match segment.trim_end_matches(' ') {
        dots @ ("." | "..") => dots,
        other => other.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']),
    });
    resolved(&names.collect::<Vec<_>>().join("/")).to_lowercase()
}

fn best_fit(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(character as u32 - 0xfee0).unwrap_or(character),
        '\u{a0}' | '\u{3000}' => ' ',
        '\u{2215}' | '\u{2044}' => '/',
        'á' => 'a',
        'ı' => 'i',
        other => other,
    }
}

/// Each segment up to its first `;`.
fn without_parameters(path: &str) -> String {
    let names = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
    names.collect::<Vec<_>>().join("/")
}

/// Without what is behind the last dot of the last segment.
fn without_extension(path: &str) -> String {
    let (folder, last) = path.rsplit_once('/').unwrap_or(("", path));
    format!("{folder}/{}", last.rsplit_once('.').map_or(last, |(stem, _)| stem))
}

/// Without `//`, `.` and `..`.
fn resolved(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    format!("/{}", segments.join("/"))
}

/// `%xx` and `%uxxxx`, and UTF-8 that is longer than it has to be.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    let hex = |digits: &[u8]| u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok();
    while let [first, behind @ ..] = rest {
        let wide =
            behind.strip_prefix(b"u").and_then(|digits| hex(digits.get(..4)?)).and_then(char::from_u32);
        let narrow = behind.get(..2).and_then(hex).and_then(|byte| u8::try_from(byte).ok());
        match (first, wide, narrow) {
            (b'%', Some(wide), _) => {
                bytes.extend(wide.to_string().bytes());
                rest = &behind[5..];
            }
            (b'%', None, Some(byte)) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    let mut short = Vec::new();
    let mut bytes = bytes.into_iter().peekable();
    while let Some(byte) = bytes.next() {
        let next = bytes.peek().copied().filter(|next| matches!(byte, 0xc0 | 0xc1) && *next & 0xc0 == 0x80);
        if let Some(next) = next {
            bytes.next();
            short.push((byte & 1) << 6 | next & 0x3f);
        } else {
            short.push(byte);
        }
    }
    String::from_utf8_lossy(&short).into_owned()
}

const BETWEEN: [&str; 32] = [
    "//",
    "/./",
    "/x/../",
    "/%2e/",
    "/x/%2e%2e/",
    "/x/..;/",
    "/;/",
    "/;x=y/",
    "%2f",
    "%2F",
    "\\",
    "%5c",
    "%252f",
    "／",
    "%ef%bc%8f",
    "∕",
    "/(S(a))/",
    "/x/.%2e/",
    "/x/..%20/",
    "/%20/",
    "/x/..%3f/",
    "/x/%252e%252e/",
    "/x/．．/",
    "/.;/",
    "%c0%af",
    "/x/%c0%ae./",
    "/x/%u002e./",
    "%u2215",
    "/x/..:a/",
    "/./../",
    "/x%2f..%2f",
    "/%00/",
];

const BEHIND: [&str; 30] = [
    ";",
    ";x",
    ";x=y;z",
    "%3b",
    ".",
    "..",
    "%2e",
    "%20",
    "%20.",
    " ",
    "%a0",
    "\u{a0}",
    "%c2%a0",
    "%3f",
    "%3Fx",
    "?",
    "%23",
    "#",
    ":$i30:$INDEX_ALLOCATION",
    "::$DATA",
    ".json",
    ".php",
    ".%20.",
    "%00",
    "%00.png",
    "%09",
    "/",
    "；",
    "？x",
    "(S(a))",
];

/// A path in another spelling: one for each list of numbers, and the path itself for none.
#[must_use]
pub fn spelling(path: &str, choices: &[u8]) -> String {
    let mut choices = choices.iter().copied().map(usize::from);
    let mut text = String::new();
    for segment in path.split('/').skip(1) {
        // Half of them stay.
        let mut one_of = |all: &[&'static str]| {
            choices.next().and_then(|choice| all.get(choice % (2 * all.len()))).copied()
        };
        let (between, behind) = (one_of(&BETWEEN).unwrap_or("/"), one_of(&BEHIND).unwrap_or_default());
        let (style, place) = (choices.next().unwrap_or_default(), choices.next().unwrap_or_default());
        text.push_str(between);
        for (index, character) in segment.chars().enumerate() {
            let is_here = index == place % segment.len();
            text.push_str(&styled(character, if is_here { style } else { style & 0xf0 }));
        }
        text.push_str(behind);
    }
    text
}

fn styled(character: char, style: usize) -> String {
    let code = character as u32;
    match style {
        0x01 => format!("%{code:02x}"),
        0x02 => format!("%25{code:02X}"),
        0x03 => format!("%u{code:04x}"),
        0x04 | 0x30..=0x3f => char::from_u32(code + 0xfee0).unwrap_or(character).to_string(),
        0x05 => format!("%c1%{:02x}", 0x80 | code & 0x3f),
        0x06 if character == 'a' => "á".to_owned(),
        0x07 if character == 'i' => "ı".to_owned(),
        0x08 | 0x10..=0x1f => character.to_ascii_uppercase().to_string(),
        0x20..=0x2f => format!("%{code:02X}"),
        _ => character.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reader_finds_a_path_in_spellings_of_its_own() {
        let admin = "/pub/admin";
        for (name, target) in [
            ("Tomcat", "/pub;x/;y/%61dmin;z=1/2"),
            ("Tomcat", "/pub/x/..;/admin"),
            ("Tomcat", "/pub\\admin"),
            ("Jetty", "/pub/x/%2e%2e/admin;x"),
            ("Spring", "/pub/%20admin%20/1"),
            ("Spring with suffix patterns", "/pub/admin.json"),
            ("Express", "/PUB/Admin/"),
            ("Rails", "/pub//admin.json"),
            ("IIS", "/Pub/ａdmin.%20/x"),
            ("IIS", "/pub/(S(a))/ad%u006din::$DATA"),
            ("IIS", "/pub%5cadmin"),
            ("IIS with double escaping", "/pub/%2561dmin"),
            ("nginx", "/x%2f../pub/admin"),
            ("Apache", "/pub/admin%3fx"),
            ("PHP", "/pub/admin%00.png"),
        ] {
            let reader = READERS.iter().find(|reader| reader.name == name).unwrap();
            assert!(reader.finds(admin, target), "{name} {target}: {:?}", reader.read(target));
        }
        let views = READERS.iter().find(|reader| reader.name == "Apache with MultiViews").unwrap();
        assert!(views.finds("/pub/admin.php", admin));
        assert!(READERS.iter().all(|reader| !reader.finds("/pub/admin", "/pub/administration")));
    }

    #[test]
    fn a_spelling_without_choices_is_the_path_itself() {
        assert_eq!(spelling("/pub/admin", &[]), "/pub/admin");
        assert_eq!(spelling("/pub/admin", &[63, 1, 0x11]), "/PUB;x/admin");
        assert_eq!(spelling("/pub/admin", &[63, 59, 0, 0, 8, 5, 0x01, 0]), "/pub%2f%61dmin..");
    }
}
