// Command heartbeat is the peer that Tifo's benchmarks compare with: a plain net/http service that
// answers a viewer's arrival and heartbeats with the same work and the same bytes as Tifo's services.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"os"
	"time"
)

// Config is what the benchmark's runner writes down for this process.
type Config struct {
	Listen          string          `json:"listen"`
	PublicURL       string          `json:"public_url"`
	EventLog        string          `json:"event_log"`
	Event           CalendarEvent   `json:"event"`
	PlaybackKeys    KeySet          `json:"playback_keys"`
	AccessKeys      KeySet          `json:"access_keys"`
	Pathways        []PathwayConfig `json:"pathways"`
	Renditions      []Rendition     `json:"renditions"`
	HeartbeatS      int64           `json:"heartbeat_s"`
	LeaseS          int64           `json:"lease_s"`
	TokenTTLS       int64           `json:"token_ttl_s"`
	AccessTokenTTLS int64           `json:"access_token_ttl_s"`
	AddressTTLS     int64           `json:"address_ttl_s"`
	StreamLimit     int             `json:"stream_limit"`
}

func main() {
	path := flag.String("config", "", "the JSON file to read the configuration from")
	flag.Parse()
	config, err := readConfig(*path)
	if err != nil {
		log.Fatal(err)
	}
	api, err := NewAPI(config)
	if err != nil {
		log.Fatal(err)
	}
	go api.sessions.Sweep(time.Second)
	server := &http.Server{
		Addr:              config.Listen,
		Handler:           api.Routes(),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	log.Fatal(server.ListenAndServe())
}

func readConfig(path string) (Config, error) {
	var config Config
	raw, err := os.ReadFile(path)
	if err != nil {
		return config, err
	}
	return config, json.Unmarshal(raw, &config)
}
