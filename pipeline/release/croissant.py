"""The Croissant description of a snapshot, with responsible-AI fields (Croissant 1.1, mlcommons.org/croissant/1.1).

What is not known is said to be not known; nothing is invented.
"""

from typing import Any

import pyarrow as pa

from pipeline.core.schema import IMAGES_SCHEMA, MANIFEST_SCHEMA, SPLITS_SCHEMA
from pipeline.release.facts import Facts
from pipeline.release.record import SnapshotRecord

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "duo": "http://purl.obolibrary.org/obo/DUO_",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
PARQUET = "application/x-parquet"  # as mlcroissant knows it
TYPES = {"string": "sc:Text", "int32": "sc:Integer", "int64": "sc:Integer", "double": "sc:Float", "bool": "sc:Boolean"}
NOT_KNOWN = "not known"
# Terms of use: the Data Use Ontology (0000042 general research use, 0000046 non-commercial) and ODRL.
DUO = {"open": "duo:0000042", "sharealike": "duo:0000042", "noncommercial": "duo:0000046"}
USE: dict[str, dict[str, list[str]]] = {
    "open": {"permission": ["distribute", "derive", "commercialize"], "duty": ["attribute"]},
    "sharealike": {"permission": ["distribute", "derive", "commercialize"], "duty": ["attribute", "shareAlike"]},
    "noncommercial": {"permission": ["distribute", "derive"], "duty": ["attribute"], "prohibition": ["commercialize"]},
    "closed": {"prohibition": ["distribute"]},
}


def croissant(record: SnapshotRecord, facts: Facts, today: str) -> dict[str, Any]:
    """The description as JSON-LD."""
    described = [_file(record, "manifest.parquet", "every listed image, with all columns")]
    described.append(_file(record, "splits.parquet", "group, split and fold of every film"))
    records = [
        _record_set(
            "manifest", "Every listed image, kept or excluded, with the reason.", "manifest.parquet", MANIFEST_SCHEMA
        ),
        _record_set("splits", "Where each film belongs.", "splits.parquet", SPLITS_SCHEMA),
    ]
    if record.pictures:
        described += [_file(record, name, "rows with pictures") for name in record.files if name.startswith("images/")]
        described.append(_image_set())
        records.append(_record_set("films", "The kept films with their pictures.", "image-shards", IMAGES_SCHEMA))
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": f"cxnet-{record.profile}-{record.name}",
        "description": _description(facts),
        "url": f"urn:sha256:{record.root_sha256}",
        "version": _semantic(record.name),
        "datePublished": today,
        "inLanguage": "en",
        "keywords": ["chest X-ray", "COVID-19", "pneumonia", "radiology", "medical imaging"],
        "license": sorted({_license(name) for name in facts.licences}),
        "creator": {"@type": "sc:Organization", "name": NOT_KNOWN},
        "publisher": {"@type": "sc:Organization", "name": NOT_KNOWN},
        "citeAs": f"{facts.title}, root hash {record.root_sha256}. Method: arXiv:2006.13807.",
        "isLiveDataset": False,
        "distribution": described,
        "recordSet": records,
        **_responsible(record, facts),
    }


def _responsible(record: SnapshotRecord, facts: Facts) -> dict[str, Any]:
    """The responsible-AI fields, provenance and terms of use."""
    taken = f"{facts.retrieved[0]} to {facts.retrieved[1]}" if facts.retrieved else "an offline copy; not recorded"
    missing = ", ".join(f"{name} {share:.0%}" for name, share in facts.missing.items())
    reasons = ", ".join(f"{name} {count:,}" for name, count in facts.reasons.items())
    return {
        "rai:dataCollection": f"Public pages, archives and interfaces of {len(facts.by_source)} sources: "
        f"{', '.join(map(str, facts.by_source.index))}. Every image has its address in the table.",
        "rai:dataCollectionType": ["Web Scraping", "Secondary Data Analysis"],
        "rai:dataCollectionMissingData": f"Share of kept films without a value: {missing}.",
        "rai:dataCollectionRawData": "Files as the sources give them; address and sha256 of each are in locks/.",
        "rai:dataCollectionTimeframe": taken,
        "rai:dataImputationProtocol": "Nothing is imputed. A kept film takes label, view, age or sex from its proven "
        "copies where it has none and the copies agree.",
        "rai:dataPreprocessingProtocol": "Decoded to 8-bit gray, set upright, reduced to the long side of the profile.",
        "rai:dataManipulationProtocol": f"Rows excluded by stage: {reasons}. Reasons are in the column `reason`.",
        "rai:dataAnnotationProtocol": "Labels are those that the sources state; decisions.csv has those of people.",
        "rai:dataAnnotationPlatform": NOT_KNOWN,
        "rai:dataAnnotationAnalysis": "Contradicted labels are listed in contradictions.parquet, with the evidence.",
        "rai:annotationsPerItem": NOT_KNOWN,
        "rai:annotatorDemographics": NOT_KNOWN,
        "rai:machineAnnotationTools": "Networks for view, orientation, detail and lungs; see the columns view_score, "
        "upright_score, detail_score and mask_quality.",
        "rai:dataBiases": " ".join(facts.warnings) or NOT_KNOWN,
        "rai:dataUseCases": "Research on chest X-ray classification, on duplicates and on leakage. Not for diagnosis.",
        "rai:dataLimitations": f"{facts.caveat} The patients of {facts.unknown_patients:,} films are unknown.",
        "rai:dataSocialImpact": NOT_KNOWN,
        "rai:personalSensitiveInformation": "Health data without names. Age and sex are given where a source publishes "
        "them; no patient tag of a DICOM file is kept. Text burned into films may remain.",
        "rai:dataReleaseMaintenancePlan": "Versions never change. Withdrawn films are listed in withdrawn.csv.",
        "prov:wasGeneratedBy": {"@type": "prov:Activity", "prov:label": f"cxnet-data {record.code}"},
        "prov:wasDerivedFrom": [str(name) for name in facts.by_source.index],
        "odrl:hasPolicy": [
            {
                "@type": "odrl:Policy",
                "odrl:target": f"{name} ({films:,} films)",
                **({"duo:0000017": {"@id": DUO[name]}} if name in DUO else {}),
                **{
                    f"odrl:{kind}": [{"@id": f"odrl:{each}"} for each in actions] for kind, actions in USE[name].items()
                },
            }
            for name, (films, _, _) in facts.terms.items()
        ],
    }


def _description(facts: Facts) -> str:
    labels = ", ".join(f"{count:,} {name}" for name, count in facts.labels.items())
    return (
        f"{facts.kept:,} chest films ({labels}) of {facts.patients:,} known patients, of {facts.listed:,} listed "
        "images. Every image is traceable, every exclusion has a reason. For research only, not for diagnosis."
    )


def _semantic(name: str) -> str:
    """The version as major.minor.patch, where the name is one; else 0.0.0 with the name."""
    parts = name.removeprefix("v").split(".")
    if 1 <= len(parts) <= 3 and all(part.isdecimal() for part in parts):
        return ".".join([*map(str, map(int, parts)), "0", "0"][:3])
    return f"0.0.0-{name.replace('_', '-')}"


def _license(name: str) -> str:
    """The address of a license where it is a Creative Commons one with a version, else its words."""
    parts = name.split()[0].split("-") if name else []
    if len(parts) >= 3 and parts[0] == "CC" and parts[-1].replace(".", "").isdecimal():
        return f"https://creativecommons.org/licenses/{'-'.join(parts[1:-1]).lower()}/{parts[-1]}/"
    return name


def _file(record: SnapshotRecord, name: str, description: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "description": description,
        "contentUrl": name,
        "contentSize": f"{record.files[name].bytes} B",
        "encodingFormat": PARQUET,
        "sha256": record.files[name].sha256,
    }


def _image_set() -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": "image-shards",
        "name": "image-shards",
        "description": "All shards of rows with pictures.",
        "encodingFormat": PARQUET,
        "includes": "images/*.parquet",
    }


def _record_set(name: str, description: str, source: str, schema: pa.Schema) -> dict[str, Any]:
    kind = "fileSet" if source == "image-shards" else "fileObject"
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "key": [{"@id": f"{name}/source"}, {"@id": f"{name}/item_id"}],
        "field": [_field(name, column, kind, source) for column in schema if _type(column) is not None],
    }


def _field(record_set: str, column: pa.Field, kind: str, source: str) -> dict[str, Any]:
    made = {
        "@type": "cr:Field",
        "@id": f"{record_set}/{column.name}",
        "name": column.name,
        "description": (column.metadata or {}).get(b"description", b"").decode(),
        "dataType": _type(column),
        "source": {kind: {"@id": source}, "extract": {"column": column.name}},
    }
    if column.name == "image":
        made["source"] = {kind: {"@id": source}, "extract": {"column": "image"}, "transform": {"jsonPath": "bytes"}}
    return made


def _type(column: pa.Field) -> str | None:
    """The type of a column's values; None for lists and bytes, which are described in the Parquet files only."""
    return "sc:ImageObject" if column.name == "image" else TYPES.get(str(column.type))
