//! Tables of text → sums, scores, and hostile texts.

use super::super::testing::{assert_linear, assert_table, find};
use super::*;

#[test]
fn signs_and_codes() {
    assert_table(
        &Money,
        &[
            ("$1,234.50", &["$1,234.50 → USD 1234.50"]),
            ("$12.5 and $100", &["$12.5 → USD 12.50", "$100 → USD 100"]),
            (
                "$500k, $4M; $1.5bn $12.6 million, $25 billion $10-million",
                &[
                    "$500k → USD 500000",
                    "$4M → USD 4000000",
                    "$1.5bn → USD 1500000000",
                    "$12.6 million → USD 12600000",
                    "$25 billion → USD 25000000000",
                    "$10-million → USD 10000000",
                ],
            ),
            (
                "US$50 HK$ 100 NT$3,000 A$5.00 C$7.5 U.S.$20",
                &[
                    "US$50 → USD 50",
                    "HK$ 100 → HKD 100",
                    "NT$3,000 → TWD 3000",
                    "A$5.00 → AUD 5",
                    "C$7.5 → CAD 7.50",
                    "U.S.$20 → USD 20",
                ],
            ),
            (
                "$100 CAD, $60 USD annually, $30 Dollars, $12美金, ¥10000日元, ¥100元",
                &[
                    "$100 CAD → CAD 100",
                    "$60 USD → USD 60",
                    "$30 Dollars → USD 30",
                    "$12美金 → USD 12",
                    "¥10000日元 → JPY 10000",
                    "¥100元 → CNY 100",
                ],
            ),
            (
                "¥100 ￥ 88.80 £250/$380 ₩5000 ₹100 €10 JP¥300 ＄２０",
                &[
                    "¥100 → CNY 100",
                    "￥ 88.80 → CNY 88.80",
                    "£250 → GBP 250",
                    "$380 → USD 380",
                    "₩5000 → KRW 5000",
                    "₹100 → INR 100",
                    "€10 → EUR 10",
                    "JP¥300 → JPY 300",
                    "＄２０ → USD 20",
                ],
            ),
            (
                "100 € 12,50 € €1.234,56 5€",
                &[
                    "100 € → EUR 100",
                    "12,50 € → EUR 12.50",
                    "€1.234,56 → EUR 1234.56",
                    "5€ → EUR 5",
                ],
            ),
            (
                "USD 30.00, USD33.6M; EUR 1,000, RMB100 USD1001",
                &[
                    "USD 30.00 → USD 30",
                    "USD33.6M → USD 33600000",
                    "EUR 1,000 → EUR 1000",
                    "RMB100 → CNY 100",
                    "USD1001 → USD 1001",
                ],
            ),
            (
                "100 USD, 5k EUR, 1,234.50 CNY, 100USD 10 million yuan, 3 billion RMB",
                &[
                    "100 USD → USD 100",
                    "5k EUR → EUR 5000",
                    "1,234.50 CNY → CNY 1234.50",
                    "100USD → USD 100",
                    "10 million yuan → CNY 10000000",
                    "3 billion RMB → CNY 3000000000",
                ],
            ),
            (
                "20 dollars, 10-dollar bill, 12 euros, 100 Hong Kong dollars, 5 US Dollars, 9 pounds sterling",
                &[
                    "20 dollars → USD 20",
                    "10-dollar → USD 10",
                    "12 euros → EUR 12",
                    "100 Hong Kong dollars → HKD 100",
                    "5 US Dollars → USD 5",
                    "9 pounds sterling → GBP 9",
                ],
            ),
            (
                "$.18 a minute, only $5, $6 each",
                &["$.18 → USD 0.18", "$5 → USD 5", "$6 → USD 6"],
            ),
            (
                "$100-$200 $3 to $4 million",
                &[
                    "$100 → USD 100",
                    "$200 → USD 200",
                    "$4 million → USD 4000000",
                ],
            ),
            ("USD 1.2345 USD 0.10", &["USD 1.2345", "USD 0.10"]),
            // No money, or only a part of something longer.
            ("", &[]),
            ("1", &[]),
            ("$", &[]),
            ("$a $x1 x$100 1$100 $100x $1.2.3 $1,23 $1,2345 $100% $", &[]),
            (
                "{print $1} print $1,$2; echo $1 \"$2\" $0x80 `$10` $6$Ddg$4fl $12{ $10=x",
                &[],
            ),
            (
                "100 users 5k 100m 25 cents 105 pounds 10 bucks 100 dollarsx",
                &[],
            ),
            ("xUSD 100 E5CAD16 100 USDT USD RMB", &[]),
            ("１$100x", &[]),
        ],
    );
}

#[test]
fn chinese() {
    assert_table(
        &Money,
        &[
            ("12000元", &["12000元 → CNY 12000"]),
            (
                "1.2万元、1,234.5元，3000万元；1.5亿元 1.6 万亿美元 5 亿美元 25 万美元",
                &[
                    "1.2万元 → CNY 12000",
                    "1,234.5元 → CNY 1234.50",
                    "3000万元 → CNY 30000000",
                    "1.5亿元 → CNY 150000000",
                    "1.6 万亿美元 → USD 1600000000000",
                    "5 亿美元 → USD 500000000",
                    "25 万美元 → USD 250000",
                ],
            ),
            (
                "三百万元，一亿元，两千五百元，十元，五十元以上三百元以下，三万五元，一万零五元，一万二千亿元",
                &[
                    "三百万元 → CNY 3000000",
                    "一亿元 → CNY 100000000",
                    "两千五百元 → CNY 2500",
                    "十元 → CNY 10",
                    "五十元 → CNY 50",
                    "三百元 → CNY 300",
                    "三万五元 → CNY 35000",
                    "一万零五元 → CNY 10005",
                    "一万二千亿元 → CNY 1200000000000",
                ],
            ),
            (
                "26亿2千万美元，3亿5000万元，2万5千元，5百元",
                &[
                    "26亿2千万美元 → USD 2620000000",
                    "3亿5000万元 → CNY 350000000",
                    "2万5千元 → CNY 25000",
                    "5百元 → CNY 500",
                ],
            ),
            (
                "壹万贰仟元整 人民币壹万贰仟叁佰元伍角整 三元五角 3元5角2分",
                &[
                    "壹万贰仟元整 → CNY 12000",
                    "人民币壹万贰仟叁佰元伍角整 → CNY 12300.50",
                    "三元五角 → CNY 3.50",
                    "3元5角2分 → CNY 3.52",
                ],
            ),
            (
                "人民币3000元，人民币 100万，港币500元，100元人民币，100元港币，100人民币",
                &[
                    "人民币3000元 → CNY 3000",
                    "人民币 100万 → CNY 1000000",
                    "港币500元 → HKD 500",
                    "100元人民币 → CNY 100",
                    "100元港币 → HKD 100",
                    "100人民币 → CNY 100",
                ],
            ),
            (
                "约3000余元，100多万元，3000多元，近5万元",
                &[
                    "3000余元 → CNY 3000",
                    "100多万元 → CNY 1000000",
                    "3000多元 → CNY 3000",
                    "5万元 → CNY 50000",
                ],
            ),
            (
                "100美元/月，100 欧元，50英镑，三百万英镑，500美金，20块钱，十块钱，200日圆",
                &[
                    "100美元 → USD 100",
                    "100 欧元 → EUR 100",
                    "50英镑 → GBP 50",
                    "三百万英镑 → GBP 3000000",
                    "500美金 → USD 500",
                    "20块钱 → CNY 20",
                    "十块钱 → CNY 10",
                    "200日圆 → JPY 200",
                ],
            ),
            ("¥3万 $5亿", &["¥3万 → CNY 30000", "$5亿 → USD 500000000"]),
            ("5元1个，100元VIP", &["5元 → CNY 5", "100元 → CNY 100"]),
            (
                "100-200元，5元、10元",
                &["200元 → CNY 200", "5元 → CNY 5", "10元 → CNY 10"],
            ),
            (
                "一元钱，二元以上，五元。",
                &["一元 → CNY 1", "二元 → CNY 2", "五元 → CNY 5"],
            ),
            // No money, or only a part of something longer.
            (
                "多元化 单元 公元 元旦 二元一次方程 三元组 2016元旦 100元素 3元组 三元桥 三元（triple）",
                &[],
            ),
            (
                "数百万元 几十元 百元大钞 万元户 上百万元 几百美金 数十亿美元 几块钱",
                &[],
            ),
            ("二三百元 1.2.3元 1,23元 x100元 第3元 美元 人民币", &[]),
            ("３，０００", &[]),
        ],
    );
}

#[test]
fn ranges_share_a_magnitude() {
    assert_table(
        &Money,
        &[
            (
                "$10-20 million, $1.5-2 billion; $5-10 million ¥100-200万，$50-100k $10-30k",
                &[
                    "$10-20 million → USD 10000000",
                    "$1.5-2 billion → USD 1500000000",
                    "$5-10 million → USD 5000000",
                    "¥100-200万 → CNY 1000000",
                    "$50-100k → USD 50000",
                    "$10-30k → USD 10000",
                ],
            ),
            (
                "$10 to 20 million, USD 10 – 20 bn; $2 or 3 million，人民币10到20千万",
                &[
                    "$10 to 20 million → USD 10000000",
                    "USD 10 – 20 bn → USD 10000000000",
                    "$2 or 3 million → USD 2000000",
                    "人民币10到20千万 → CNY 100000000",
                ],
            ),
            (
                "$10 to $20 million, $200-$400 Billion; 人民币10至20万元，￥10~20万元 $10-20 million dollars",
                &[
                    "$20 million → USD 20000000",
                    "$400 Billion → USD 400000000000",
                    "20万元 → CNY 200000",
                    "20万元 → CNY 200000",
                    "20 million dollars → USD 20000000",
                ],
            ),
            (
                "$500 to $2 million, $100-200 a day, $10k-20 million, $100 to 200 people, $30-50 minutes",
                &[
                    "$500 → USD 500",
                    "$2 million → USD 2000000",
                    "$100 → USD 100",
                    "$10k → USD 10000",
                    "$100 → USD 100",
                    "$30 → USD 30",
                ],
            ),
        ],
    );
}

#[test]
fn magnitudes_apart() {
    assert_table(
        &Money,
        &[
            (
                "$25 bn, $25 m, $25 k; $25\nmillion $25\r\nbillion $2.5 mil $2.5mil €2.5 mio €3 Mrd. $5 billions",
                &[
                    "$25 bn → USD 25000000000",
                    "$25 m → USD 25000000",
                    "$25 k → USD 25000",
                    "$25\nmillion → USD 25000000",
                    "$25\r\nbillion → USD 25000000000",
                    "$2.5 mil → USD 2500000",
                    "$2.5mil → USD 2500000",
                    "€2.5 mio → EUR 2500000",
                    "€3 Mrd → EUR 3000000000",
                    "$5 billions → USD 5000000000",
                ],
            ),
            (
                "₹500 crore, ₹3 lakh, ₹2 lakh crore, 25 bn euros, 5 lakh rupees",
                &[
                    "₹500 crore → INR 5000000000",
                    "₹3 lakh → INR 300000",
                    "₹2 lakh crore → INR 2000000000000",
                    "25 bn euros → EUR 25000000000",
                    "5 lakh rupees → INR 500000",
                ],
            ),
            // Words of their own, and parts of some.
            (
                "$20 b/c of $50 M&Ms $30 B-movies $40 k's $25 miles $25\nm $25 B2B",
                &[
                    "$20 → USD 20",
                    "$50 → USD 50",
                    "$30 → USD 30",
                    "$40 → USD 40",
                    "$25 → USD 25",
                    "$25 → USD 25",
                    "$25 → USD 25",
                ],
            ),
            ("run 100 m EUR; 5 k dollars", &[]),
        ],
    );
}

#[test]
fn groups_apart() {
    assert_table(
        &Money,
        &[
            (
                "2 000 000欧元，1 000 000 euros，10 000 USD，10 000 元，1 234,56 €，$10 000，1'000 CHF，CHF 1'000",
                &[
                    "2 000 000欧元 → EUR 2000000",
                    "1 000 000 euros → EUR 1000000",
                    "10 000 USD → USD 10000",
                    "10 000 元 → CNY 10000",
                    "1 234,56 € → EUR 1234.56",
                    "$10 000 → USD 10000",
                    "1'000 CHF → CHF 1000",
                    "CHF 1'000 → CHF 1000",
                ],
            ),
            (
                "EUR 1 250, 12 500 元; USD10 000 CHF 1’234’567.50 €12\u{202f}500",
                &[
                    "EUR 1 250 → EUR 1250",
                    "12 500 元 → CNY 12500",
                    "USD10 000 → USD 10000",
                    "CHF 1’234’567.50 → CHF 1234567.50",
                    "€12\u{202f}500 → EUR 12500",
                ],
            ),
            (
                "$10 000-20 000; 10 000万元",
                &["$10 000 → USD 10000", "10 000万元 → CNY 100000000"],
            ),
            // Numbers of their own, and what is left of some.
            (
                "in 2019 100 USD, 10 20 300 USD; $ 42 108 95, 12-15 100元, v3.5 100元, 5万1 300元 $20 1234",
                &[
                    "100 USD → USD 100",
                    "300 USD → USD 300",
                    "$ 42 → USD 42",
                    "100元 → CNY 100",
                    "100元 → CNY 100",
                    "300元 → CNY 300",
                    "$20 → USD 20",
                ],
            ),
            ("2019 000 USD, x5 000 USD; 1234'050 CHF，,000元", &[]),
        ],
    );
}

#[test]
fn more_names_and_no_operands() {
    assert_table(
        &Money,
        &[
            (
                "500泰铢、500卢布、3万卢比、500 印度卢比、500瑞士法郎、500新加坡元、CN¥100、$US50，$US 60",
                &[
                    "500泰铢 → THB 500",
                    "500卢布 → RUB 500",
                    "3万卢比 → INR 30000",
                    "500 印度卢比 → INR 500",
                    "500瑞士法郎 → CHF 500",
                    "500新加坡元 → SGD 500",
                    "CN¥100 → CNY 100",
                    "$US50 → USD 50",
                    "$US 60 → USD 60",
                ],
            ),
            (
                "movl $56, %esi; addl $56,-4(%ebp) cmpl $56, (%eax); pay $56, 5% off",
                &["$56 → USD 56"],
            ),
            ("500巴基斯坦卢比 500法郎 5比3 x$US50", &[]),
        ],
    );
}

#[test]
fn scores() {
    assert_eq!(find(&Money, "only $5")[0].score, 0.6);
    assert_eq!(find(&Money, "only $50")[0].score, 1.0);
}

#[test]
fn hostile_texts_are_linear() {
    assert_linear(
        &Money,
        &[
            "$",
            "$1",
            "$1,",
            "1,",
            "1.",
            "1 ",
            "USD ",
            "USD1",
            "元",
            "1元",
            "一元",
            "万",
            "1万",
            "一万",
            "亿元",
            "人民币",
            "1 million ",
            "1k",
            "十",
            "三百",
            "1,000",
            "€1.",
            "块",
            "镑",
            "1 000 ",
            "1 000",
            "$1 000 ",
            "1'000",
            "$10-",
            "$10 to ",
            "$10-20 ",
            "$10\n",
            "¥1-2万亿",
            "$56, ",
        ],
    );
}
