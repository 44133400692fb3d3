"""Escaping: text never becomes markup, in children and in attributes."""

import pytest

from jaxsim.report.markup import Markup, joined, table, tag
from jaxsim.report.saving import inlined


def test_text_and_attributes_are_escaped():
    assert tag("p", "<b>&", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;">&lt;b&gt;&amp;</p>'


def test_markup_is_kept_and_joining_with_text_escapes_the_text():
    assert joined(tag("b", "x"), " < y") == "<b>x</b> &lt; y"
    assert isinstance(joined("x"), Markup)


def test_tables_align_numbers_and_head_their_rows():
    text = table(["Model", "Mean"], [["<a>", "0.5"]], caption="c & d")
    assert '<th scope="row">&lt;a&gt;</th><td class="number">0.5</td>' in text
    assert "<caption>c &amp; d</caption>" in text


def test_inlining_changes_tags_but_never_the_words():
    svg = (
        '<?xml version="1.0"?>\n<!-- made -->\n<svg viewBox="0 0 10 10" xmlns="x">'
        '<metadata>now</metadata><style>*{}</style><g id="a"><path d="M 1.23456 2.00000" style="fill: #0072b2"/>'
        '<use xlink:href="#a" clip-path="url(#a)"/><text>#0072b2 1.23456 id="a"</text></g></svg>'
    )
    text = inlined(svg, name="fig", description='a "b" <c>', colours={"#0072b2": "--model-0"})
    assert text == (
        '<svg class="plot" viewBox="0 0 10 10" role="img" aria-label="a &quot;b&quot; &lt;c&gt;">'
        '<g id="fig-a"><path d="M 1.23 2" style="fill: var(--model-0)"/>'
        '<use href="#fig-a" clip-path="url(#fig-a)"/><text>#0072b2 1.23456 id="a"</text></g></svg>'
    )


def test_a_figure_without_a_view_box_is_refused():
    with pytest.raises(ValueError, match="viewBox"):
        inlined("<svg></svg>", name="fig", description="", colours={})
