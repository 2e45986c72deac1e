"""A web action: parameters of query and body in one dict."""


def main(args):
    method = args["__ow_method"]
    if args["__ow_path"] == "/old":
        return {"statusCode": 302, "headers": {"location": "https://example.com"}}
    if args["__ow_path"] == "/fail":
        return {"error": {"statusCode": 422, "body": {"message": "이름 없음"}}}
    if args["__ow_path"] == "/raise":
        raise ValueError("broken")
    if args["__ow_path"] == "/cookies":
        cookie = args["__ow_headers"]["cookie"]
        return {"headers": {"Set-Cookie": ["a=1", "b=2"]}, "body": {"cookie": cookie}}
    return {"body": f"<h1>{method}: 안녕 {args.get('name', '누구')}</h1>"}
