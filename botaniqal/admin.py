"""The portal's admin site."""

from django.contrib.admin import AdminSite


class PortalSite(AdminSite):
    """Django's admin in the portal's own frame."""

    site_title = "Botaniqal"
    site_header = "Botaniqal"
    index_title = "Today"
    enable_nav_sidebar = False
