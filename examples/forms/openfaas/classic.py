"""The classic template: the body in, the body out."""


def handle(req):
    """
    Args:
        req (str): request body
    """
    if not req:
        raise ValueError("nothing to do")
    return "뒤집힘: " + req[::-1]
