"""The architectures of timm that can be loaded, by name."""

from __future__ import annotations

import difflib

from jaxsim.arguments import shown

# Vision transformers with timm's plain blocks. Not here: those whose blocks differ under the same tensor names.
_VIT = """
vit_tiny_patch16_224 vit_tiny_patch16_384 vit_small_patch32_224 vit_small_patch32_384 vit_small_patch16_224
vit_small_patch16_384 vit_small_patch8_224 vit_base_patch32_224 vit_base_patch32_384 vit_base_patch16_224
vit_base_patch16_384 vit_base_patch8_224 vit_large_patch32_224 vit_large_patch32_384 vit_large_patch16_224
vit_large_patch16_384 vit_large_patch14_224 vit_huge_patch14_224 vit_giant_patch14_224 vit_gigantic_patch14_224
vit_base_patch16_224_miil vit_base_patch32_plus_256 vit_base_patch16_plus_240 vit_small_patch16_36x1_224
vit_medium_patch16_gap_240 vit_medium_patch16_gap_256 vit_medium_patch16_gap_384 vit_betwixt_patch16_gap_256
vit_base_patch16_gap_224 vit_huge_patch14_gap_224 vit_huge_patch16_gap_448 vit_giant_patch16_gap_224
vit_wee_patch16_reg1_gap_256 vit_little_patch16_reg1_gap_256 vit_little_patch16_reg4_gap_256
vit_medium_patch16_reg1_gap_256 vit_medium_patch16_reg4_gap_256 vit_mediumd_patch16_reg4_gap_256
vit_mediumd_patch16_reg4_gap_384 vit_betwixt_patch16_reg1_gap_256 vit_betwixt_patch16_reg4_gap_256
vit_betwixt_patch16_reg4_gap_384 vit_base_patch16_reg4_gap_256 vit_so150m_patch16_reg4_map_256
vit_so150m_patch16_reg4_gap_256 vit_so150m_patch16_reg4_gap_384 vit_so150m2_patch16_reg1_gap_256
vit_so150m2_patch16_reg1_gap_384 vit_so150m2_patch16_reg1_gap_448
eva_large_patch14_196 eva_large_patch14_336 flexivit_small flexivit_base flexivit_large
"""
_DEIT = """
deit_tiny_patch16_224 deit_small_patch16_224 deit_base_patch16_224 deit_base_patch16_384
deit_tiny_distilled_patch16_224 deit_small_distilled_patch16_224 deit_base_distilled_patch16_224
deit_base_distilled_patch16_384 deit3_small_patch16_224 deit3_small_patch16_384 deit3_medium_patch16_224
deit3_base_patch16_224 deit3_base_patch16_384 deit3_large_patch16_224 deit3_large_patch16_384 deit3_huge_patch14_224
"""
_DINOV2 = """
vit_small_patch14_dinov2 vit_base_patch14_dinov2 vit_large_patch14_dinov2 vit_giant_patch14_dinov2
vit_small_patch14_reg4_dinov2 vit_base_patch14_reg4_dinov2 vit_large_patch14_reg4_dinov2 vit_giant_patch14_reg4_dinov2
"""
_CLIP = """
vit_xsmall_patch16_clip_224 vit_medium_patch32_clip_224 vit_medium_patch16_clip_224 vit_betwixt_patch32_clip_224
vit_base_patch32_clip_224 vit_base_patch32_clip_256 vit_base_patch32_clip_384 vit_base_patch32_clip_448
vit_base_patch16_clip_224 vit_base_patch16_clip_384 vit_base_patch16_plus_clip_240 vit_large_patch14_clip_224
vit_large_patch14_clip_336 vit_huge_patch14_clip_224 vit_huge_patch14_clip_336 vit_huge_patch14_clip_378
vit_giant_patch14_clip_224 vit_gigantic_patch14_clip_224 vit_gigantic_patch14_clip_378
vit_base_patch32_clip_quickgelu_224 vit_base_patch16_clip_quickgelu_224 vit_large_patch14_clip_quickgelu_224
vit_large_patch14_clip_quickgelu_336 vit_huge_patch14_clip_quickgelu_224 vit_huge_patch14_clip_quickgelu_378
vit_gigantic_patch14_clip_quickgelu_224
"""
_SIGLIP = """
vit_base_patch32_siglip_256 vit_base_patch16_siglip_224 vit_base_patch16_siglip_256 vit_base_patch16_siglip_384
vit_base_patch16_siglip_512 vit_large_patch16_siglip_256 vit_large_patch16_siglip_384 vit_large_patch16_siglip_512
vit_so400m_patch14_siglip_224 vit_so400m_patch14_siglip_378 vit_so400m_patch14_siglip_384
vit_so400m_patch16_siglip_256 vit_so400m_patch16_siglip_384 vit_so400m_patch16_siglip_512
vit_giantopt_patch16_siglip_256 vit_giantopt_patch16_siglip_384
vit_base_patch32_siglip_gap_256 vit_base_patch16_siglip_gap_224 vit_base_patch16_siglip_gap_256
vit_base_patch16_siglip_gap_384 vit_base_patch16_siglip_gap_512 vit_large_patch16_siglip_gap_256
vit_large_patch16_siglip_gap_384 vit_large_patch16_siglip_gap_512 vit_so400m_patch14_siglip_gap_224
vit_so400m_patch14_siglip_gap_378 vit_so400m_patch14_siglip_gap_384 vit_so400m_patch14_siglip_gap_448
vit_so400m_patch14_siglip_gap_896 vit_so400m_patch16_siglip_gap_256 vit_so400m_patch16_siglip_gap_384
vit_so400m_patch16_siglip_gap_512 vit_giantopt_patch16_siglip_gap_256 vit_giantopt_patch16_siglip_gap_384
"""
_CONVNEXT = """
convnext_atto convnext_femto convnext_pico convnext_nano convnext_tiny convnext_small convnext_base convnext_large
convnext_xlarge convnext_xxlarge
"""
_CONVNEXTV2 = """
convnextv2_atto convnextv2_femto convnextv2_pico convnextv2_nano convnextv2_tiny convnextv2_small convnextv2_base
convnextv2_large convnextv2_huge
"""
_RESNET = "resnet18 resnet26 resnet34 resnet50 resnet101 resnet152"
_EFFICIENTNET = " ".join(f"{prefix}efficientnet_b{size}" for prefix in ("", "tf_") for size in range(9))
_VGG = " ".join(f"vgg{depth}{suffix}" for depth in (11, 13, 16, 19) for suffix in ("", "_bn"))

_FAMILIES = {
    "vit": _VIT,
    "deit": _DEIT,
    "dinov2": _DINOV2,
    "clip": _CLIP,
    "siglip": _SIGLIP,
    "convnext": _CONVNEXT,
    "convnextv2": _CONVNEXTV2,
    "resnet": _RESNET,
    "efficientnet": _EFFICIENTNET,
    "vgg": _VGG,
}
# How people call the families that only this format has.
TITLES = {"vgg": "VGG"}
FAMILY_OF = {name: family for family, names in _FAMILIES.items() for name in names.split()}


def family_of(architecture: str, where: str) -> str:
    """Returns the family of one of timm's architectures.

    Raises:
        ValueError: it is not supported; the nearest supported names are listed.

    Example:
        >>> family_of("resnet50", "config.json")
        'resnet'
    """
    if architecture in FAMILY_OF:
        return FAMILY_OF[architecture]
    near = difflib.get_close_matches(architecture[:80], FAMILY_OF, n=5, cutoff=0.4)
    hint = f" Nearest: {', '.join(near)}." if near else ""
    raise ValueError(
        f"{where}: timm's architecture {shown(architecture)} is not supported.{hint} There are {len(FAMILY_OF)} names, "
        f"of the families {', '.join(_FAMILIES)}; jaxsim.models.timm.names.FAMILY_OF lists them."
    )
