-- question: How many entities of each label were named on each day?
--
-- param: since timestamp = 0001-01-01             -- the first instant counted
-- param: until timestamp = 9999-12-31             -- the first instant no longer counted
-- param: utc_offset float = 0                     -- hours from UTC at which days begin: 8 for Beijing
--
-- column: day         the day; documents without a time are left out
-- column: label       the entities' label
-- column: mentions    how many entities were named
-- column: documents   how many documents named one

WITH by_document AS (
    SELECT
        CAST(to_timestamp_micros(CAST(ts AS BIGINT) + CAST($utc_offset * 3600000000 AS BIGINT)) AS DATE) AS day,
        label,
        doc_id,
        count(*) AS mentions
    FROM entities
    WHERE ts >= $since AND ts < $until
    GROUP BY 1, label, doc_id
)
SELECT day, label, sum(mentions) AS mentions, count(*) AS documents
FROM by_document
GROUP BY day, label
ORDER BY day, label
