//! [`Amount`]: an exact decimal, and the numbers that people write for one: `1,234.50`, `1.5万`, `三百万`, `2 million`.

use std::fmt::{self, Display};

use super::super::numeral::han_digit;
use super::figures::{self, Separators};

/// `mantissa` / 10^`scale`. Money is counted, so no binary fraction comes near it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount {
    mantissa: u128,
    scale: u32,
}

impl Amount {
    pub(super) const ZERO: Self = Self::whole(0);

    const fn whole(number: u128) -> Self {
        Self {
            mantissa: number,
            scale: 0,
        }
    }

    /// With more digits behind it, decimals or not.
    pub(super) fn followed_by(mut self, digits: &[u8], decimals: bool) -> Option<Self> {
        for digit in digits {
            let shifted = self.mantissa.checked_mul(10)?;
            self.mantissa = shifted.checked_add(u128::from(digit - b'0'))?;
        }
        if decimals {
            self.scale += u32::try_from(digits.len()).ok()?;
        }
        Some(self)
    }

    /// Whether it is less than another; neither where 128 bits do not hold both at one scale.
    pub(super) fn is_below(self, other: Self) -> bool {
        let scale = self.scale.max(other.scale);
        let at = |one: Self| one.mantissa.checked_mul(power(scale - one.scale)?);
        at(self)
            .zip(at(other))
            .is_some_and(|(one, other)| one < other)
    }

    /// With so many zeros more.
    pub(super) fn times_ten_to(self, zeros: u32) -> Option<Self> {
        let more = zeros.saturating_sub(self.scale);
        Some(Self {
            mantissa: self.mantissa.checked_mul(power(more)?)?,
            scale: self.scale.saturating_sub(zeros),
        })
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        if self.scale == other.scale {
            return Some(Self {
                mantissa: self.mantissa.checked_add(other.mantissa)?,
                scale: self.scale,
            });
        }
        let scale = self.scale.max(other.scale);
        let at = |one: Self| one.mantissa.checked_mul(power(scale - one.scale)?);
        Some(Self {
            mantissa: at(self)?.checked_add(at(other)?)?,
            scale,
        })
    }

    /// So many hundredths.
    pub(super) fn hundredths(number: u32) -> Self {
        Self {
            mantissa: u128::from(number),
            scale: 2,
        }
    }
}

/// 10^`zeros`, if 128 bits hold it.
fn power(zeros: u32) -> Option<u128> {
    const POWERS: [u128; 39] = {
        let mut powers = [1; 39];
        let mut i = 1;
        while i < 39 {
            powers[i] = powers[i - 1] * 10;
            i += 1;
        }
        powers
    };
    POWERS.get(zeros as usize).copied()
}

/// Plain digits: no fraction where there is none, else two decimals or as many more as it takes. So equal amounts are
/// equal strings.
impl Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = 10_u128.pow(self.scale);
        let (whole, mut fraction) = (self.mantissa / one, self.mantissa % one);
        let mut scale = self.scale as usize;
        while scale > 2 && fraction.is_multiple_of(10) {
            fraction /= 10;
            scale -= 1;
        }
        match (fraction, scale) {
            (0, _) => write!(f, "{whole}"),
            (_, 1) => write!(f, "{whole}.{fraction}0"),
            _ => write!(f, "{whole}.{fraction:0scale$}"),
        }
    }
}

/// An amount as it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    pub(super) amount: Amount,
    pub(super) end: usize,
    /// One digit and nothing else.
    pub(super) digit: bool,
    /// One Chinese numeral below ten and nothing else.
    pub(super) han_digit: bool,
}

/// More digits than an amount has; 128 bits hold fewer, too.
pub(super) const MOST: usize = 40;

/// What a number is written with in Chinese: units, by their zeros.
pub(super) fn unit(c: char) -> Option<u32> {
    Some(match c {
        '十' | '拾' => 1,
        '百' | '佰' => 2,
        '千' | '仟' => 3,
        '万' | '萬' => 4,
        '亿' | '億' => 8,
        _ => return None,
    })
}

/// Whether a character is part of a number in Chinese.
pub(super) fn is_numeral(c: char) -> bool {
    han_digit(c).is_some() || unit(c).is_some()
}

/// Where the number begins that ends before `end`, looking back no further than a number is long.
pub(super) fn start_before(text: &str, end: usize) -> usize {
    let tight = |end: usize| {
        let mut start = end;
        for c in text[..end].chars().rev().take(MOST) {
            if !(c.is_ascii_digit() || matches!(c, ',' | '.') || is_numeral(c)) {
                break;
            }
            start -= c.len_utf8();
        }
        start + text[start..end].len() - text[start..end].trim_start_matches([',', '.']).len()
    };
    let start = tight(end);
    // `25 万`: the unit stands apart from its figures.
    let apart = text[start..]
        .chars()
        .next()
        .is_some_and(|c| unit(c).is_some());
    let start = match text[..start].strip_suffix(' ') {
        Some(before) if apart && before.ends_with(|c: char| c.is_ascii_digit()) => {
            tight(before.len())
        }
        _ => start,
    };
    let head = figures::start(text.as_bytes(), start);
    // `5万1 300`: two numbers.
    if text[..head].ends_with(is_numeral) {
        start
    } else {
        head
    }
}

/// The number that begins at `at`, in digits, in Chinese, or both.
pub(super) fn read(text: &str, at: usize, separators: Separators) -> Option<Written> {
    let bytes = text.as_bytes();
    let mut sum = Sum::default();
    let mut i = at;
    let (mut parts, mut digits) = (0, 0);
    while let Some(c) = text[i..].chars().next() {
        if c.is_ascii_digit() || c == '.' && parts == 0 {
            let (amount, end) = figures::read(bytes, i, separators)?;
            // `2万5`: where no unit follows, the figure is another number's.
            let alone = parts > 0 && !text[end..].starts_with(|c| unit(c).is_some());
            if alone || sum.number.is_some() {
                break;
            }
            digits = end - i;
            sum.number = Some((amount, false));
            i = end;
        } else if matches!(c, '零' | '〇' | '○') && parts > 0 {
            sum.last = 1;
            i += c.len_utf8();
        } else if let Some(digit) = han_digit(c) {
            sum.number.is_none().then_some(())?;
            sum.number = Some((Amount::whole(digit.into()), true));
            i += c.len_utf8();
        } else if let Some(zeros) = unit(c) {
            sum.unit(zeros)?;
            i += c.len_utf8();
        } else if matches!(c, ' ' | '余' | '餘' | '多') && digits > 0 && sum.number.is_some() {
            // `25 万`, `100多万`.
            let next = i + c.len_utf8();
            if !text[next..].starts_with(|c| unit(c).is_some()) {
                break;
            }
            i = next;
        } else {
            break;
        }
        parts += 1;
    }
    let han_digit = parts == 1 && digits == 0;
    Some(Written {
        amount: sum.total()?,
        end: i,
        digit: parts == 1 && digits == 1,
        han_digit,
    })
}

/// A number in Chinese while it is read: `二十六亿零二千万`.
#[derive(Debug)]
struct Sum {
    /// What 万 and 亿 have counted.
    large: Amount,
    /// Below 万.
    small: Amount,
    /// A number whose unit is still to come, and whether it is a numeral.
    number: Option<(Amount, bool)>,
    /// The last unit's zeros.
    last: u32,
    /// Whether 万 and 亿 have counted.
    wan: bool,
    yi: bool,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            large: Amount::ZERO,
            small: Amount::ZERO,
            number: None,
            last: 0,
            wan: false,
            yi: false,
        }
    }
}

impl Sum {
    fn unit(&mut self, zeros: u32) -> Option<()> {
        let nothing = self.large == Amount::ZERO && self.small == Amount::ZERO;
        let number = match self.number.take() {
            Some((number, _)) => number,
            // 十 alone is ten; `百万元` without a number names none.
            None if nothing => (zeros == 1).then_some(Amount::whole(1))?,
            None => Amount::ZERO,
        };
        if zeros < 4 {
            // `五千百`: 百 counts what is there, as 万 does.
            self.small = if number == Amount::ZERO {
                self.small.times_ten_to(zeros)?
            } else {
                self.small.plus(number.times_ten_to(zeros)?)?
            };
        } else {
            let small = self.small.plus(number)?;
            self.small = Amount::ZERO;
            // 万 counts once between two 亿, and 亿 once: `1万20万` is two numbers.
            let counts = match zeros {
                4 => !std::mem::replace(&mut self.wan, true) && small != Amount::ZERO,
                _ => !std::mem::replace(&mut self.yi, true),
            };
            self.wan &= zeros == 4;
            counts.then_some(())?;
            self.large = if zeros == 4 {
                self.large.plus(small.times_ten_to(4)?)?
            } else {
                self.large.plus(small)?.times_ten_to(8)?
            };
        }
        self.last = zeros;
        Some(())
    }

    /// The whole. `三万五` is 35,000: a last numeral without a unit counts tenths of the unit before it, unless a zero
    /// stands between.
    fn total(self) -> Option<Amount> {
        let rest = match self.number {
            Some((number, true)) if self.last > 1 => number.times_ten_to(self.last - 1)?,
            Some((number, _)) => number,
            None if self.last == 0 => return None,
            None => Amount::ZERO,
        };
        self.large.plus(self.small)?.plus(rest)
    }
}
