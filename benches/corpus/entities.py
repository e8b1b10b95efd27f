"""Made-up entities, written as people write them, and the words around them."""

import random

SYLLABLES = (
    "al an ar be bo ca co da de el en fa fi ga go ha in jo ka ko la le li lo ma me mi na ne no o pa po qu ra re ri ro "
    "sa se so ta te ti to u va ve vi wa we xi ya yu za zhi zo"
).split()
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
GIVEN_NAMES = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀英霞平刚桂文华建国志红玉兰云飞鹏雪梅琳"
TOPICS = (
    "人工智能 今日热点 双十一 春节联欢晚会 科技创新 股市行情 健康生活 旅行日记 美食推荐 世界杯 新能源汽车 读书笔记 "
    "数据分析 开源软件 大数据"
).split()
TAGS = (
    "rust datafusion ai ml opensource data sql python startup news linux devops cloud BigData MachineLearning TBT "
    "sale hiring crypto f1 worldcup"
).split()
MONTHS = (
    "January February March April May June July August September October November December "
    "Jan Feb Mar Apr Jun Jul Aug Sep Oct Nov Dec"
).split()
MAIL_HOSTS = (
    "gmail.com qq.com 163.com outlook.com 126.com hotmail.com yahoo.com sina.com foxmail.com example.com company.cn "
    "icloud.com aliyun.com github.com"
).split()
TOP_LEVEL = "com com com cn com.cn org net io edu.cn co.uk de dev gov.cn".split()

# How many of each a document has on average.
RATES = {
    "email": 0.2,
    "url": 0.25,
    "phone": 0.1,
    "mention": 0.15,
    "hashtag": 0.1,
    "ip": 0.05,
    "date": 0.2,
    "money": 0.15,
}
ENGLISH = {
    "email": ["Contact {} for details.", "Mail: {},", "please write to <{}>", "({})"],
    "url": ["see {} for more.", "{}", "[{}]", "Link: {} "],
    "phone": ["Call {} now.", "Tel: {},", "{}"],
    "mention": ["cc {} ", "{} said:", "thanks {}!"],
    "hashtag": ["{} ", "{}"],
    "ip": ["from host {} ", "{}:8080", "ip={}"],
    "date": ["on {},", "({})", "as of {}."],
    "money": ["for {} ", "cost {},", "{}"],
}
CHINESE = {
    "email": ["请联系{}。", "邮箱：{}，", "来信请寄 {} ", "（{}）"],
    "url": ["详情见{} ，", "网址：{} ", "链接 {} "],
    "phone": ["电话{}，", "手机：{}；", "致电 {} "],
    "mention": [" {} ", "转发 {} ：", "感谢{} ！"],
    "hashtag": ["{}", " {} "],
    "ip": ["来自{}的请求，", "IP：{}，"],
    "date": ["{}，", "于{}发布，", "（{}）"],
    "money": ["售价{}，", "共计{}。", "{}"],
}


class Entities:
    """Draws entities; a method a kind of `RATES`. Domains follow Zipf's law."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.domains = MAIL_HOSTS + [self._domain() for _ in range(5000)]
        self.domain_weights, total = [], 0.0
        for rank in range(1, len(self.domains) + 1):
            total += 1 / rank**1.05
            self.domain_weights.append(total)
        self.users = [self._word(2, 4) for _ in range(40_000)]
        self.addresses = [".".join(str(rng.randint(1, 254)) for _ in range(4)) for _ in range(3000)]

    def _word(self, shortest: int, longest: int) -> str:
        return "".join(self.rng.choice(SYLLABLES) for _ in range(self.rng.randint(shortest, longest)))

    def _domain(self) -> str:
        name = self._word(2, 4)
        if self.rng.random() < 0.1:
            name += "-" + self._word(1, 2)
        return name + "." + self.rng.choice(TOP_LEVEL)

    def _known_domain(self) -> str:
        return self.rng.choices(self.domains, cum_weights=self.domain_weights)[0]

    def email(self) -> str:
        rng = self.rng
        user, kind = rng.choice(self.users), rng.random()
        if kind < 0.3:
            user += "." + rng.choice(self.users)
        elif kind < 0.5:
            user += str(rng.randint(1, 9999))
        elif kind < 0.55:
            user += "+" + rng.choice(SYLLABLES)
        elif kind < 0.6:
            user += "_" + rng.choice(SYLLABLES)
        address = user + "@" + self._known_domain()
        case = rng.random()
        return address.upper() if case < 0.02 else address.title() if case < 0.12 else address

    def url(self) -> str:
        rng = self.rng
        url = rng.choice(["http://", "https://", "https://", "https://www."]) + self._known_domain()
        for _ in range(rng.randint(0, 3)):
            url += "/" + self._word(1, 3)
        if rng.random() < 0.3:
            url += f"?id={rng.randint(1, 10**6)}&ref={rng.choice(SYLLABLES)}"
        return url

    def phone(self) -> str:
        rng = self.rng
        kind = rng.random()
        if kind < 0.7:
            country = "" if kind < 0.6 else "+86 "
            return f"{country}1{rng.choice('3456789')}{rng.randrange(10**9):09}"
        area, exchange, line = rng.randint(201, 989), rng.randint(200, 999), rng.randrange(10**4)
        return f"+1 {area:03}-{exchange:03}-{line:04}" if kind < 0.85 else f"({area:03}) {exchange:03}-{line:04}"

    def mention(self) -> str:
        rng = self.rng
        if rng.random() < 0.6:
            user = rng.choice(self.users[:6000])
            return "@" + user + (str(rng.randint(1, 99)) if rng.random() < 0.3 else "")
        name = rng.choice(SURNAMES) + rng.choice(GIVEN_NAMES)
        return "@" + name + (rng.choice(GIVEN_NAMES) if rng.random() < 0.6 else "")

    def hashtag(self) -> str:
        rng = self.rng
        return f"#{rng.choice(TOPICS)}#" if rng.random() < 0.5 else "#" + rng.choice(TAGS)

    def ip(self) -> str:
        return self.rng.choice(self.addresses)

    def date(self) -> str:
        rng = self.rng
        year, month, day = rng.randint(1995, 2026), rng.randint(1, 12), rng.randint(1, 28)
        kind = rng.random()
        if kind < 0.5:
            return f"{year}-{month:02}-{day:02}"
        if kind < 0.8:
            return f"{year}年{month}月{day}日"
        if kind < 0.9:
            return f"{month}/{day}/{year}"
        return f"{rng.choice(MONTHS)} {day}, {year}"

    def money(self) -> str:
        rng = self.rng
        amount, kind = int(10 ** rng.uniform(1, 6)), rng.random()
        if kind < 0.3:
            return f"${amount:,}" + (f".{rng.randrange(100):02}" if rng.random() < 0.4 else "")
        if kind < 0.5:
            return f"¥{amount}"
        if kind < 0.7:
            return f"{amount}元"
        if kind < 0.85:
            return f"{amount / 100:.2f}万元"
        return f"{amount} USD" if kind < 0.93 else f"€{amount:,}"
