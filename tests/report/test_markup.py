"""Escaping: text never becomes markup, in children and in attributes."""

from jaxsim.report.markup import Markup, joined, table, tag


def test_text_and_attributes_are_escaped():
    assert tag("p", "<b>&", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;">&lt;b&gt;&amp;</p>'


def test_markup_is_kept_and_joining_with_text_escapes_the_text():
    assert joined(tag("b", "x"), " < y") == "<b>x</b> &lt; y"
    assert isinstance(joined("x"), Markup)


def test_tables_align_numbers_and_head_their_rows():
    text = table(["Model", "Mean"], [["<a>", "0.5"]], caption="c & d")
    assert '<th scope="row">&lt;a&gt;</th><td class="number">0.5</td>' in text
    assert "<caption>c &amp; d</caption>" in text
