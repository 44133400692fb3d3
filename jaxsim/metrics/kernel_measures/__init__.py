"""Measures of kernels and distances of all pairs of samples."""

from .cka import CKA, CKA_ANGULAR, CKA_BIASED, CKA_RBF, CKA_RBF_BIASED, cka, cka_angular, cka_measure
from .distance_correlation import (
    DISTANCE_CORRELATION,
    DISTANCE_CORRELATION_CORRECTED,
    DISTANCE_COVARIANCE,
    distance_correlation,
    distance_covariance,
)
from .hsic import HSIC, HSIC_BIASED, hsic, hsic_measure
from .rsa import RSA_MEASURES, rsa, rsa_measure
from .rv import RV, rv

MEASURES = (
    CKA,
    CKA_BIASED,
    CKA_RBF,
    CKA_RBF_BIASED,
    CKA_ANGULAR,
    HSIC,
    HSIC_BIASED,
    RV,
    DISTANCE_CORRELATION,
    DISTANCE_CORRELATION_CORRECTED,
    DISTANCE_COVARIANCE,
    *RSA_MEASURES,
)

__all__ = [
    "MEASURES",
    "cka",
    "cka_angular",
    "cka_measure",
    "distance_correlation",
    "distance_covariance",
    "hsic",
    "hsic_measure",
    "rsa",
    "rsa_measure",
    "rv",
]
