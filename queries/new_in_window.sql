-- question: Which entities were named for the first time in the window?
--
-- param: until timestamp = 9999-12-31  -- the end of the window; where the last document is older, just after that
-- param: days float = 7                -- the length of the window
-- param: top int = 100                 -- how many entities
--
-- column: label        the entity's label (dates and times are left out)
-- column: value        its value
-- column: first_seen   when it was first named
-- column: first_doc    the document that named it first
-- column: mentions     how often it was named in the window
-- column: documents    how many documents of the window named it

WITH by_document AS (
    SELECT label, value, doc_id, min(ts) AS ts, count(*) AS mentions
    FROM entities
    WHERE label NOT IN ('DATE', 'TIME') AND ts < $until
    GROUP BY label, value, doc_id
),
seen AS (
    SELECT
        label,
        value,
        min(ts) AS first_seen,
        first_value(doc_id ORDER BY ts, doc_id) AS first_doc,
        sum(mentions) AS mentions,
        count(*) AS documents
    FROM by_document
    GROUP BY label, value
)
SELECT
    label,
    value,
    first_seen,
    first_doc,
    mentions,
    documents
FROM seen
WHERE CAST(first_seen AS BIGINT) >= (
    -- in microseconds: the window's end less its length
    SELECT least(CAST($until AS BIGINT), CAST(max(ts) AS BIGINT) + 1) - CAST($days * 86400000000 AS BIGINT)
    FROM documents
)
ORDER BY documents DESC, mentions DESC, label, value
LIMIT $top
