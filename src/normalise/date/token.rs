//! The pieces that dates are made of.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Number { value: i64, digits: usize },
    Word(String),
    Mark(char),
    Space,
}

impl Token {
    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Number { value, .. } => Some(*value),
            _ => None,
        }
    }

    pub(super) fn is(&self, mark: char) -> bool {
        *self == Self::Mark(mark)
    }

    pub(super) fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// Numbers, words of letters, single Chinese and Korean characters, marks, and gaps.
pub(super) fn tokenise(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let run = |keep: fn(char) -> bool| rest.find(|c| !keep(c)).unwrap_or(rest.len());
        let taken = if c.is_ascii_digit() {
            let end = run(|c| c.is_ascii_digit());
            let value = rest[..end].parse().unwrap_or(i64::MAX);
            tokens.push(Token::Number { value, digits: end });
            end
        } else if c.is_whitespace() {
            tokens.push(Token::Space);
            run(char::is_whitespace)
        } else if is_word(c) {
            let end = run(is_word);
            tokens.push(Token::Word(rest[..end].to_owned()));
            end
        } else {
            tokens.push(Token::Mark(c));
            c.len_utf8()
        };
        rest = &rest[taken..];
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphabetic() && !matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}
