"""Batches of networks, one per seed, and what belongs to each of their units."""

from prunebench.networks.architecture import Architecture as Architecture
from prunebench.networks.layers import Layer as Layer
from prunebench.networks.layers import Part as Part
from prunebench.networks.networks import Networks as Networks
from prunebench.networks.networks import NormKind as NormKind
from prunebench.networks.outcomes import accuracy as accuracy
from prunebench.networks.outcomes import cross_entropy as cross_entropy
from prunebench.networks.outcomes import predictions as predictions
from prunebench.networks.shallow import shallow_networks as shallow_networks
