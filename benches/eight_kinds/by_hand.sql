WITH counted AS (
    -- What `top.sql` asks of `entities`, asked of a function, in the form that costs the least.
    SELECT label, value, count(*) AS n
    FROM (
        SELECT e['label'] AS label, e['value'] AS value
        FROM (SELECT unnest(extract_entities(text, '{labels}')) AS e FROM documents)
    )
    GROUP BY 1, 2
)
SELECT label, value, n, total, distinct_values
FROM (
    SELECT
        *,
        row_number() OVER (PARTITION BY label ORDER BY n DESC, value) AS rank,
        sum(n) OVER (PARTITION BY label) AS total,
        count(*) OVER (PARTITION BY label) AS distinct_values
    FROM counted
)
WHERE rank <= 20
ORDER BY label, rank
