-- question: Which e-mail addresses and phone numbers does each source name?
--
-- param: per_source int = 10  -- how many contacts of each source
--
-- column: source      the input that names it
-- column: label       EMAIL or PHONE
-- column: contact     the address or number
-- column: mentions    how often it is named
-- column: documents   how many documents name it

WITH by_document AS (
    SELECT source, label, value, doc_id, count(*) AS mentions
    FROM entities
    WHERE label IN ('EMAIL', 'PHONE')
    GROUP BY source, label, value, doc_id
),
contacts AS (
    SELECT source, label, value AS contact, sum(mentions) AS mentions, count(*) AS documents
    FROM by_document
    GROUP BY source, label, value
),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY source ORDER BY mentions DESC, label, contact) AS place
    FROM contacts
)
SELECT source, label, contact, mentions, documents
FROM ranked
WHERE place <= $per_source
ORDER BY source, place
