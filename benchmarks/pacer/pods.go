package main

import (
	"encoding/json"
	"math"
	"time"
)

// pods is what asset lists were, judged after the last answer so that it costs no answer any time. Seconds
// are those of legal lists, by creative.
type pods struct {
	Legal   int                `json:"legal"`
	InTime  int                `json:"in_time"`
	Seconds map[string]float64 `json:"seconds"`
}

// assetList of an HLS interstitial (draft-pantos-hls-rfc8216bis, appendix D.2), with SVTA2053 signalling.
type assetList struct {
	Assets []struct {
		URI        string  `json:"URI"`
		Duration   float64 `json:"DURATION"`
		Signalling struct {
			Payload []struct {
				Identifiers []struct {
					Value string `json:"value"`
				} `json:"identifiers"`
				Tracking []struct {
					Type string   `json:"type"`
					URLs []string `json:"urls"`
				} `json:"tracking"`
			} `json:"payload"`
		} `json:"X-AD-CREATIVE-SIGNALING"`
	} `json:"ASSETS"`
}

func judged(outcomes []outcome, length float64, deadline time.Duration) *pods {
	report := &pods{Seconds: map[string]float64{}}
	for _, one := range outcomes {
		if one.broken != "" || one.refused != "" {
			continue
		}
		seconds, legal := fills(one.body, length)
		if !legal {
			continue
		}
		report.Legal++
		if one.took <= deadline {
			report.InTime++
		}
		for creative, s := range seconds {
			report.Seconds[creative] += s
		}
	}
	return report
}

// fills says the seconds of each creative in an asset list, and whether it is legal: each ad has an address, a
// length, its creative and an impression to report, and together they last exactly as long as the break.
func fills(body []byte, length float64) (map[string]float64, bool) {
	var list assetList
	if json.Unmarshal(body, &list) != nil {
		return nil, false
	}
	seconds, total := map[string]float64{}, 0.0
	for _, asset := range list.Assets {
		payload := asset.Signalling.Payload
		if asset.URI == "" || asset.Duration <= 0 || len(payload) == 0 || len(payload[0].Identifiers) == 0 {
			return nil, false
		}
		impressions := 0
		for _, one := range payload[0].Tracking {
			if one.Type == "impression" {
				impressions += len(one.URLs)
			}
		}
		if impressions == 0 {
			return nil, false
		}
		seconds[payload[0].Identifiers[0].Value] += asset.Duration
		total += asset.Duration
	}
	return seconds, math.Abs(total-length) < 1e-6
}
