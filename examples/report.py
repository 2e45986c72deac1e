"""숫자 목록을 보고서로 만듭니다: a report of numbers in HTML or CSV.

    curl "http://localhost:8000/invoke/$WS/$FN?values=3,1,4,1,5&format=csv"
    curl http://localhost:8000/invoke/$WS/$FN -H 'Content-Type: application/json' \
      -d '[{"name": "서울", "value": 21.5}, {"name": "부산", "value": 24}]'

CSV is for ?format=csv or an Accept header with text/csv, HTML for all others. The second call needs POST
among the function's httpMethods.
"""

import csv
import html
import io
import math
import statistics
from string import Template

PAGE = Template("""<!doctype html>
<html lang="ko">
<meta charset="utf-8">
<title>보고서</title>
<h1>보고서</h1>
<table>
$rows
</table>
</html>
""")


def rows_of(event):
    """Pairs of a name and a number: from the JSON body, or from ?values=1,2,3."""
    given = event["body"] or event["query"].get("values", "").split(",")
    if not isinstance(given, list):
        raise ValueError("a list is needed")
    rows = []
    for number, entry in enumerate(given, start=1):
        if not isinstance(entry, dict):
            entry = {"value": entry}
        value = float(entry["value"])
        if not math.isfinite(value):
            raise ValueError(f"{value} has no mean")
        rows.append((str(entry.get("name", number)), value))
    return rows


def summary_of(rows):
    values = [value for _, value in rows]
    return [
        ("평균", round(statistics.fmean(values), 2)),
        ("중앙값", round(statistics.median(values), 2)),
        ("표준편차", round(statistics.pstdev(values), 2)),
    ]


def as_csv(rows):
    text = io.StringIO()
    csv.writer(text).writerows([("이름", "값"), *rows])
    return text.getvalue()


def as_html(rows):
    # Names are escaped: callers must not inject HTML.
    cells = (f"<tr><th>{html.escape(name)}</th><td>{value:g}</td></tr>" for name, value in rows)
    return PAGE.substitute(rows="\n".join(cells))


def handler(event, context):
    try:
        rows = rows_of(event)
        rows += summary_of(rows)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        print(f"no report: {error!r}")
        message = "send numbers: ?values=1,2,3, or a JSON list of them"
        return {"statusCode": 400, "body": {"error": message}}

    wanted = event["query"].get("format")
    is_csv = wanted == "csv" or (wanted is None and "text/csv" in event["headers"].get("accept", ""))
    print(f"{len(rows)} rows as {'CSV' if is_csv else 'HTML'}")
    kind = "text/csv" if is_csv else "text/html"
    return {
        "statusCode": 200,
        "headers": {"Content-Type": f"{kind}; charset=utf-8"},
        "body": as_csv(rows) if is_csv else as_html(rows),
    }
