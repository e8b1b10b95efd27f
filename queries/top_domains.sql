-- question: Which domains are named most, in e-mail addresses and links?
--
-- param: top int = 20  -- how many domains
--
-- column: domain      the host of the address or link, in lower case, without `www.`
-- column: mentions    how often it is named
-- column: documents   how many documents name it
-- column: emails      mentions in e-mail addresses
-- column: urls        mentions in links

WITH named AS (
    SELECT
        doc_id,
        label,
        CASE label
            WHEN 'EMAIL' THEN split_part(value, '@', 2)
            -- scheme, user and `www.` off; then the host, up to its port, path, query or fragment
            ELSE regexp_replace(
                lower(value),
                '^(?:[a-z][a-z0-9+.-]*://)?(?:[^/?#@]*@)?(?:www\.)?(\[[^\]]*\]|[^/?#:]*).*$',
                '\1', 's')
        END AS domain
    FROM entities
    WHERE label IN ('EMAIL', 'URL')
),
by_document AS (
    SELECT
        domain,
        doc_id,
        count(*) AS mentions,
        count(*) FILTER (WHERE label = 'EMAIL') AS emails,
        count(*) FILTER (WHERE label = 'URL') AS urls
    FROM named
    GROUP BY domain, doc_id
)
SELECT
    domain,
    sum(mentions) AS mentions,
    count(*) AS documents,
    sum(emails) AS emails,
    sum(urls) AS urls
FROM by_document
GROUP BY domain
ORDER BY mentions DESC, domain
LIMIT $top
