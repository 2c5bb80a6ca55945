"""What a call is bound by: how long it may take, who may end it, and what it carries."""

from layercache.context.context import ROOT, CancelableContext, Context, background

__all__ = ["ROOT", "CancelableContext", "Context", "background"]
