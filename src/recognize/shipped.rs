//! The context words that SpanQL ships: for labels whose digits alone do not tell what they are.
//!
//! In the same terms as the user's `spanql.toml`; contexts given there for a label take the place of these. No label
//! has a `min_score`: what is unsure is found, and its score says so.

use super::{Context, Rules};

/// Labels, their words, and what these do to a score.
const CONTEXTS: [(&str, f32, &[&str]); 2] = [
    (
        "PHONE",
        0.3,
        &[
            "电话",
            "手机",
            "手机号",
            "手机号码",
            "联系方式",
            "联系人",
            "热线",
            "致电",
            "拨打",
            "来电",
            "短信",
            "tel",
            "telephone",
            "phone",
            "mobile",
            "mob",
            "cell",
            "cellphone",
            "call",
            "dial",
            "sms",
            "whatsapp",
            "hotline",
            "contact",
        ],
    ),
    (
        "PHONE",
        -0.3,
        &[
            "订单",
            "订单号",
            "订单编号",
            "单号",
            "运单号",
            "快递单号",
            "流水号",
            "交易号",
            "编号",
            "序号",
            "工号",
            "学号",
            "证号",
            "账号",
            "帐号",
            "卡号",
            "条码",
            "批号",
            "发票",
            "发票号",
            "金额",
            "order",
            "order no",
            "order number",
            "order id",
            "tracking",
            "tracking number",
            "invoice",
            "account",
            "account number",
            "serial",
            "serial number",
            "id",
            "ref",
            "reference",
            "sku",
            "isbn",
        ],
    ),
];

/// The rules of each label that has some.
pub(super) fn rules() -> impl Iterator<Item = (&'static str, Rules)> {
    let mut labels: Vec<&str> = CONTEXTS.iter().map(|(label, ..)| *label).collect();
    labels.dedup();
    labels.into_iter().map(|label| {
        let of_label = CONTEXTS.iter().filter(move |(of, ..)| *of == label);
        let rules = of_label.fold(Rules::default(), |rules, (_, change, words)| {
            Context::new(words.iter().copied(), *change, Context::BEFORE, 0)
                .and_then(|context| rules.with_context(context))
                .expect("a test makes every context")
        });
        (label, rules)
    })
}

#[cfg(test)]
mod tests {
    use super::super::Registry;

    #[test]
    fn every_context_is_one_and_has_its_label() {
        let registry = Registry::builtin();
        for (label, rules) in super::rules() {
            assert!(registry.labels().any(|known| known == label), "{label}");
            assert!(!rules.contexts().is_empty());
        }
    }
}
