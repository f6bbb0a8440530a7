"""What stands in the sidebar, and for whom."""


def sidebar(request):
    """Give the templates the sidebar of the person who asks."""
    return {}
