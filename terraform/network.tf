# Where workers run: addresses of their own only, and ways to Google's APIs and to nowhere else.
#
# No NAT and no public address: the image holds all that a job needs, and Google's APIs are reached
# by private access. Who reads a Kafka outside the project adds a route to it (a VPN or peering) and
# a rule of egress for its addresses.

locals {
  private_apis = "199.36.153.8/30"                                                            # private.googleapis.com
  api_domains  = { googleapis = "googleapis.com.", images = "pkg.dev.", harness = "gcr.io." } # gcr.io: Dataflow's own
}

resource "google_compute_network" "this" {
  project                         = var.project_id
  name                            = "chapterflow"
  auto_create_subnetworks         = false
  delete_default_routes_on_create = true
  routing_mode                    = "REGIONAL"
  depends_on                      = [google_project_service.apis]
}

resource "google_compute_subnetwork" "workers" {
  project                  = var.project_id
  name                     = "chapterflow-workers"
  region                   = var.region
  network                  = google_compute_network.this.id
  ip_cidr_range            = var.subnet_cidr
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_route" "private_apis" {
  project          = var.project_id
  name             = "chapterflow-private-apis"
  network          = google_compute_network.this.id
  dest_range       = local.private_apis
  next_hop_gateway = "default-internet-gateway" # the name of the way; the traffic stays with Google
}

resource "google_dns_managed_zone" "apis" {
  for_each = local.api_domains

  project     = var.project_id
  name        = "chapterflow-${each.key}"
  dns_name    = each.value
  description = "Google's APIs by their private addresses"
  visibility  = "private"
  labels      = local.labels

  private_visibility_config {
    networks {
      network_url = google_compute_network.this.id
    }
  }
}

resource "google_dns_record_set" "apis" {
  for_each = local.api_domains

  project      = var.project_id
  managed_zone = google_dns_managed_zone.apis[each.key].name
  name         = each.value
  type         = "A"
  ttl          = 300
  rrdatas      = [for number in range(8, 12) : "199.36.153.${number}"]
}

resource "google_dns_record_set" "api_names" {
  for_each = local.api_domains

  project      = var.project_id
  managed_zone = google_dns_managed_zone.apis[each.key].name
  name         = "*.${each.value}"
  type         = "CNAME"
  ttl          = 300
  rrdatas      = [each.value]
}

# Workers of one job shuffle among themselves over these two ports; nothing else comes in.
resource "google_compute_firewall" "workers" {
  for_each = toset(["INGRESS", "EGRESS"])

  project            = var.project_id
  name               = "chapterflow-workers-${lower(each.key)}"
  description        = "Dataflow workers among themselves"
  network            = google_compute_network.this.id
  direction          = each.key
  priority           = 1000
  source_tags        = each.key == "INGRESS" ? ["dataflow"] : null
  destination_ranges = each.key == "EGRESS" ? [var.subnet_cidr] : null
  target_tags        = ["dataflow"]

  allow {
    protocol = "tcp"
    ports    = ["12345", "12346"]
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_firewall" "apis" {
  project            = var.project_id
  name               = "chapterflow-private-apis"
  description        = "Everything in the network may call Google's APIs"
  network            = google_compute_network.this.id
  direction          = "EGRESS"
  priority           = 1000
  destination_ranges = [local.private_apis]

  allow {
    protocol = "tcp"
    ports    = ["443"]
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_firewall" "nothing_else" {
  project            = var.project_id
  name               = "chapterflow-no-other-egress"
  description        = "Nothing may leave by another way"
  network            = google_compute_network.this.id
  direction          = "EGRESS"
  priority           = 65000
  destination_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}
