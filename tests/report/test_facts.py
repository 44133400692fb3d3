"""The facts of the header: read from the attributes, and demanded of them."""

import json

import pytest

from jaxsim.report.facts import read_facts
from jaxsim.study.constructed import constructed_study


def test_header_attributes_are_demanded_and_read():
    results, _, _ = constructed_study()
    results.attrs["clip"] = json.dumps({"low": 0.05, "high": 0.95})
    facts = read_facts(results)
    assert facts.families == {"vit": "vit", "resnet": "resnet"}
    assert facts.further == {"clip": "low: 0.05, high: 0.95"}
    del results.attrs["metric"]
    with pytest.raises(ValueError, match="metric is missing"):
        read_facts(results)


def test_attributes_may_come_nested_or_as_json_but_not_broken():
    results, _, _ = constructed_study()
    results.attrs["models"] = json.loads(results.attrs["models"])
    assert [model.n_steps for model in read_facts(results).models] == [6, 5]
    results.attrs["versions"] = "{not json"
    with pytest.raises(ValueError, match="`versions` of the results to be JSON"):
        read_facts(results)


def test_a_model_that_no_attribute_describes_is_named():
    results, _, _ = constructed_study()
    results.attrs["models"] = json.dumps([{"name": "vit"}])
    with pytest.raises(ValueError, match="'resnet' is not among 'vit'"):
        read_facts(results)
