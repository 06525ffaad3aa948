package main

import "math"

// steeringS is what players wait when a steering manifest has no lifetime, and after a failure.
const steeringS = 300.0

type manifest struct {
	TTL      *float64 `json:"TTL"`
	Reload   string   `json:"RELOAD-URI"`
	Priority []string `json:"PATHWAY-PRIORITY"`
}

// steered asks for a steering manifest at once, and then whenever its lifetime is over.
type steered struct {
	viewer *viewer
	url    string
	due    float64
}

func (s *steered) from(url string) { s.url, s.due = url, s.viewer.now() }

func (s *steered) dueS() float64 {
	if s.url == "" {
		return math.Inf(1)
	}
	return s.due
}

// ask sends `query` along, what the player reports of itself; nil is an answer without a manifest.
func (s *steered) ask(query string) *manifest {
	got := s.viewer.document("steering", s.url+query)
	var said manifest
	s.due = s.viewer.now() + steeringS
	if got.status != 200 || !s.viewer.read(got, &said) {
		return nil
	}
	if said.Reload != "" {
		s.url = said.Reload
	}
	if said.TTL != nil {
		s.due = s.viewer.now() + math.Max(*said.TTL, 1)
	}
	return &said
}
