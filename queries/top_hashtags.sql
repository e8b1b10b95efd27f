-- question: Which hashtags are used most, and since when?
--
-- param: top int = 20  -- how many hashtags
--
-- column: hashtag      the hashtag
-- column: mentions     how often it is used
-- column: documents    how many documents use it
-- column: sources      how many sources use it
-- column: first_seen   the time of the first document that uses it, NULL where none has a time
-- column: last_seen    the time of the last one

WITH by_document AS (
    SELECT value, doc_id, source, count(*) AS mentions, min(ts) AS ts
    FROM entities
    WHERE label = 'HASHTAG'
    GROUP BY value, doc_id, source
)
SELECT
    value AS hashtag,
    sum(mentions) AS mentions,
    count(*) AS documents,
    count(DISTINCT source) AS sources,
    min(ts) AS first_seen,
    max(ts) AS last_seen
FROM by_document
GROUP BY value
ORDER BY mentions DESC, hashtag
LIMIT $top
