"""The architectures of timm that can be loaded: patterns of their names, since sizes are read off the tensors."""

from __future__ import annotations

import dataclasses
import re

from jaxsim.arguments import shown

# Sizes of timm's plain vision transformers. Not here: "dwee", "dpwee" and the like, whose blocks differ.
_SIZE = (
    "(tiny|xsmall|small|wee|little|medium|mediumd|betwixt|base|large|huge|giant|giantopt|gigantic|so[0-9]+m[0-9]*)"
    "_patch[0-9]+"
)
# What older releases wrote at the end of a name for the data that the weights were trained on.
_DATA = "(_in21k|_in22k|_22k|_in21ft1k|_in22ft1k|_22kft1k|_384_in22ft1k|_dino|_sam|_miil|_miil_in21k)?"


@dataclasses.dataclass(frozen=True)
class Covered:
    """Names that one builder understands.

    Attributes:
        family: The family that results show.
        pattern: Regular expression of the whole name.
        spelled: The names as a message shows them; N stands for a number, SIZE for a word, brackets for what may be
            left out.
    """

    family: str
    pattern: str
    spelled: str


COVERED = (
    Covered(
        "vit",
        rf"vit_{_SIZE}(_plus)?(_36x1)?(_reg[0-9]+)?(_gap|_map)?_[0-9]+{_DATA}",
        "vit_SIZE_patchN[_plus][_regN][_gap|_map]_N",
    ),
    Covered("vit", r"eva_large_patch14_[0-9]+", "eva_large_patch14_N"),
    Covered("vit", r"flexivit_(small|base|large)", "flexivit_SIZE"),
    Covered(
        "deit",
        rf"deit3?_(tiny|small|medium|base|large|huge)(_distilled)?_patch[0-9]+_[0-9]+{_DATA}",
        "deit[3]_SIZE_...",
    ),
    Covered("dinov2", rf"vit_{_SIZE}(_reg[0-9]+)?_dinov2", "vit_SIZE_patchN[_regN]_dinov2"),
    Covered("clip", rf"vit_{_SIZE}(_plus)?_clip(_quickgelu)?_[0-9]+", "vit_SIZE_patchN_clip[_quickgelu]_N"),
    Covered("siglip", rf"vit_{_SIZE}_siglip(_gap)?_[0-9]+", "vit_SIZE_patchN_siglip[_gap]_N"),
    Covered("convnext", rf"convnext_(atto|femto|pico|nano|tiny|small|base|x{{0,2}}large){_DATA}", "convnext_SIZE"),
    Covered("convnextv2", r"convnextv2_(atto|femto|pico|nano|tiny|small|base|large|huge)", "convnextv2_SIZE"),
    Covered(
        "resnet",
        r"(tv_|gluon_|ssl_|swsl_|ig_)?(se|wide_)?resne(t|xt)[0-9]+([cdst]|tn)?(_[0-9]+x[0-9]+d)?(_2)?(_v1[bcds])?",
        "[se|wide_]resnetN[c|d|s|t], [se]resnextN[d|t]_NxNd",
    ),
    Covered("resnet", r"resnetrs[0-9]+", "resnetrsN"),
    Covered("regnet", r"regnet[xy]_[0-9]+(_tv)?", "regnetx_N, regnety_N"),
    Covered(
        "efficientnet",
        r"(tf_)?efficientnet_(b[0-9]+a?|l[0-9]|e[sml]|lite[0-9]+)(_pruned|_ap|_ns|_ns_475)?",
        "[tf_]efficientnet_bN, [tf_]efficientnet_liteN, [tf_]efficientnet_es|em|el",
    ),
    Covered(
        "efficientnet",
        rf"(tf_)?efficientnetv2_((rw_)?[tsml]|xl|b[0-9]+){_DATA}",
        "[tf_]efficientnetv2_bN|s|m|l|xl|rw_SIZE",
    ),
    Covered(
        "mnasnet",
        r"(mnasnet|semnasnet|spnasnet)_([0-9]{3}|a1|b1|small)|fbnetc_100|tinynet_[a-e]",
        "mnasnet_N, semnasnet_N, spnasnet_N, fbnetc_100, tinynet_SIZE",
    ),
    Covered("mobilenet_v1", r"mobilenetv1_[0-9]{3}h?", "mobilenetv1_N"),
    Covered("mobilenet_v2", r"mobilenetv2_[0-9]{3}d?", "mobilenetv2_N"),
    Covered(
        "mobilenet_v3",
        rf"(tf_)?mobilenetv3_((large|small)(_minimal)?_[0-9]{{3}}d?{_DATA}|rw)",
        "[tf_]mobilenetv3_large|small[_minimal]_N",
    ),
    Covered("swin", rf"swin_(tiny|small|base|large)_patch4_window[0-9]+_[0-9]+{_DATA}", "swin_SIZE_patch4_windowN_N"),
    Covered(
        "swinv2",
        rf"swinv2_(tiny|small|base|large)_window[0-9]+(to[0-9]+)?_[0-9]+(to[0-9]+)?{_DATA}",
        "swinv2_SIZE_windowN[toN]_N[toN]",
    ),
    Covered("hiera", r"hiera_(tiny|small|base|base_plus|large|huge)_[0-9]+", "hiera_SIZE_N"),
    Covered("densenet", r"(tv_)?densenet[0-9]+", "densenetN"),
    Covered("vgg", r"vgg[0-9]+(_bn)?", "vggN[_bn]"),
)
#: How people call the families that only this format has.
TITLES = {
    "vgg": "VGG",
    "densenet": "DenseNet",
    "mobilenet_v3": "MobileNet V3",
    "mnasnet": "MnasNet, SPNASNet, FBNet-C, TinyNet",
}
#: Every family of which this format has an architecture, in the order of `COVERED`.
FAMILIES = tuple(dict.fromkeys(covered.family for covered in COVERED))


def family_of(architecture: str, where: str) -> str:
    """Returns the family of one of timm's architectures.

    Args:
        architecture: Its name, without a tag.
        where: What to call the checkpoint's configuration.

    Raises:
        ValueError: It is not covered; the message lists all that is.

    Example:
        >>> family_of("resnet50", "config.json"), family_of("vit_large_patch16_reg9_gap_512", "config.json")
        ('resnet', 'vit')
    """
    for covered in COVERED:
        if re.fullmatch(covered.pattern, architecture):
            return covered.family
    raise ValueError(
        f"{where}: timm's architecture {shown(architecture)} is not covered. Covered are, with a number for N: "
        f"{'; '.join(covered.spelled for covered in COVERED)}."
    )
