"""The kinds of Metrc's work in the queue, by what their key is."""

# Key: the Metrc facility's id.
LISTS_WORK = "metrc_lists"
PACKAGES_WORK = "metrc_packages"
TRANSFERS_WORK = "metrc_transfers"
# Key: the template's id.
TEMPLATE_WORK = "metrc_template"
# Key: the transfer's id.
MANIFEST_WORK = "metrc_manifest"
