//! Numbers.
pub fn parse_i64(b: &[u8]) -> Option<i64> {
    std::str::from_utf8(b).ok()?.parse().ok()
}
/// A double.
pub struct DoubleText(String);
impl DoubleText {
    pub fn new(v: f64) -> Self {
        Self(v.to_string())
    }
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
