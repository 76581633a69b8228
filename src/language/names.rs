//! Names of states and outcomes, as each language writes them; what is not known stays as it is.

use super::Language;

impl Language {
    /// The state of a source.
    #[must_use]
    pub fn state_name(self, state: &str) -> &str {
        match (self, state) {
            (Self::Chinese, "ok") => "正常",
            (Self::Chinese, "failing") => "失败",
            (Self::Chinese, "gone") => "已终止",
            (Self::Chinese, "paused") => "暂停",
            (Self::Chinese, "new") => "未抓取",
            _ => state,
        }
    }

    /// The outcome of a poll.
    #[must_use]
    pub fn outcome_name(self, outcome: &str) -> &str {
        match (self, outcome) {
            (Self::Chinese, "ok") => "成功",
            (Self::Chinese, "not_modified") => "未更新（304）",
            (Self::Chinese, "unchanged") => "内容相同",
            (Self::Chinese, "failed") => "失败",
            (Self::English, "not_modified") => "not modified",
            _ => outcome,
        }
    }

    /// An order of the sources.
    #[must_use]
    pub fn order_name(self, order: &str) -> &str {
        match (self, order) {
            (Self::Chinese, "trouble") => "问题优先",
            (Self::Chinese, "name") => "名称",
            (Self::Chinese, "entries") => "条数",
            (Self::Chinese, "next poll") => "下次抓取",
            _ => order,
        }
    }
}
