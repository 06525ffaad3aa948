package main

import (
	"math"
	"math/rand/v2"
	"sort"
)

// adsPlayer asks for the pod of each break to come and reports what it plays, as rehearsals/ads/breaks.ts does.
type adsPlayer struct {
	viewer *viewer
	// due has what comes, soonest first.
	due []turn
}

// turn is the pod of a spike, or else a beacon.
type turn struct {
	at    float64
	spike *Spike
	url   string
}

func newAdsPlayer(v *viewer) player { return &adsPlayer{viewer: v} }

func (p *adsPlayer) begin(playback) {
	for n := range p.viewer.plan.Spikes {
		spike := &p.viewer.plan.Spikes[n]
		if at := spike.AtS + rand.Float64()*spike.SpreadS; at > p.viewer.now() {
			p.due = append(p.due, turn{at: at, spike: spike})
		}
	}
}

func (p *adsPlayer) dueS() float64 {
	if len(p.due) == 0 {
		return math.Inf(1)
	}
	return p.due[0].at
}

func (p *adsPlayer) ask(due float64) {
	next := p.due[0]
	p.due = p.due[1:]
	if next.spike == nil {
		p.report(next.url)
		return
	}
	from := p.viewer.now()
	p.viewer.figures.took("spike_late_ms", seconds(from-due))
	beacons := p.pod(next.spike, from)
	from = p.viewer.now()
	for _, one := range beacons {
		p.due = append(p.due, turn{at: from + one.atS, url: one.url})
	}
	sort.SliceStable(p.due, func(a, b int) bool { return p.due[a].at < p.due[b].at })
}

// pod asks for it and counts what the answer is; the beacons of a good one.
func (p *adsPlayer) pod(spike *Spike, askedS float64) []beacon {
	v := p.viewer
	v.figures.count("pods")
	if v.full() {
		v.figures.count("unsent")
		v.figures.count("pods_failed")
		return nil
	}
	if askedS < spike.AtS+spike.SpreadS {
		v.figures.count("pods_in_window")
	}
	got := v.call("GET", "/v1/ads/"+v.token+"/breaks/"+spike.Break, "", "")
	v.figures.took("pod_ms", got.took)
	ads, beacons, legal := readAssetList(got.body, spike.LengthS)
	switch {
	case got.status != 200:
		v.figures.count("pods_failed")
		return nil
	case !legal:
		v.figures.count("pods_failed")
		v.figures.count("pods_illegal")
		return nil
	case ads == 0:
		v.figures.count("pods_empty")
	}
	if got.took <= seconds(v.plan.PodSMax) {
		v.figures.count("pods_in_time")
	}
	return beacons
}

// report calls a beacon; what is due next does not wait for its answer.
func (p *adsPlayer) report(url string) {
	v := p.viewer
	v.figures.count("beacons")
	if v.full() {
		v.figures.count("unsent")
		v.figures.count("beacons_failed")
		return
	}
	v.watching.Add(1)
	go func() {
		defer v.watching.Done()
		got := v.call("GET", url, "", "")
		v.figures.took("beacon_ms", got.took)
		if got.status != 204 {
			v.figures.count("beacons_failed")
		}
	}()
}
